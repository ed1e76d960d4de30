// Package service tests plugs under service managers: init scripts, systemd's unit,
// containers, notifications.
package service
