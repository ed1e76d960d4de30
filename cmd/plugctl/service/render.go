// Rendering service files from the templates.

package service

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// mark is in each file that plugctl makes; a file without it is not changed.
const mark = "made by plugctl service install"

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"mark": func() string { return mark },
	"sh":   quoteShell,
	"path": quoteUnitPath,
	"join": strings.Join,
}).ParseFS(files, "files/*"))

// render returns the manager's file for the plan.
func (m *manager) render(p *plan) (string, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, m.template, p); err != nil {
		return "", fmt.Errorf("%s: %w", m.template, err)
	}
	return b.String(), nil
}

// quoteUnitPath quotes a path for a list of paths in a unit, where systemd
// expands specifiers, but not variables.
func quoteUnitPath(path string) string {
	return strings.ReplaceAll(quoteSystemd(path), "$$", "$")
}
