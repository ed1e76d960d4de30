package service

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// mark stands in each file that is made here; what lacks it is somebody else's
// and stays as it is.
const mark = "made by plugctl service install"

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"mark": func() string { return mark },
	"sh":   quoteShell,
	"path": quoteUnitPath,
	"join": strings.Join,
}).ParseFS(files, "files/*"))

// render is the manager's file for the plan.
func (m *manager) render(p *plan) (string, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, m.template, p); err != nil {
		return "", fmt.Errorf("%s: %w", m.template, err)
	}
	return b.String(), nil
}

// quoteUnitPath writes a path for a list of paths in a unit, where variables are
// not expanded, but specifiers are.
func quoteUnitPath(path string) string {
	return strings.ReplaceAll(quoteSystemd(path), "$$", "$")
}
