package main

import (
	"errors"

	"daemon/plug/supervisor/config"
)

// once is what an option without a value is handed as its value.
const once = "true"

// setFlag takes "--log" and "--log=false"; a letter never comes with a value.
func setFlag(to *bool, value string) (err error) {
	*to, err = config.ParseBool(value)
	return err
}

// maxDebug is the level beyond which there is nothing more to say.
const maxDebug = 2

// setDebug counts, except for "--debug=2", which says how many.
func setDebug(to *int, value string) (err error) {
	if value == once {
		*to = min(*to+1, maxDebug)
		return nil
	}
	*to, err = config.ParseNumber(value, 0, maxDebug)
	return err
}

func setPath(to *string, value string) error {
	if value == "" {
		return errors.New("expected the path of a file")
	}
	*to = value
	return nil
}
