// Package scaffold writes new projects.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Module is the path of Gatehouse, GoVersion the oldest version of Go with which it builds.
const (
	Module    = "github.com/gatehouse-go/gatehouse"
	GoVersion = "1.26.0"
)

// Versions of npm packages that pages use.
const (
	Esbuild        = "0.28.2"
	TypeScript     = "7.0.2"
	SocketIOClient = "4.8.4"
)

// Platform is what the gateway of a project is served on.
type Platform string

// The platforms.
const (
	WS       Platform = "ws"
	SocketIO Platform = "socketio"
	Both     Platform = "both"
)

// Platforms are those that [Project.Platform] may be.
func Platforms() []Platform { return []Platform{SocketIO, WS, Both} }

// Project is a project to write.
type Project struct {
	// Name is the name of its folder.
	Name string
	// Path is the path of its module. Default: Name.
	Path string
	// Platform is one of [Platforms].
	Platform Platform
	// Page adds a page for browsers, which uses the generated client.
	Page bool
	// Require is the version of Gatehouse. Replace is a folder that replaces it, absolute or relative to the project; it may be empty.
	Require, Replace string
}

var (
	folderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	modulePath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*$`)
)

// reserved are paths that mean something else to the go command.
var reserved = []string{"all", "cmd", "internal", "main", "std", "test", "tool", "vendor", "work"}

// Check returns what is wrong with the project, before anything is written. standard reports whether a path is that of a package of Go.
func (p *Project) Check(standard func(path string) bool) error {
	first, _, _ := strings.Cut(p.ModulePath(), "/")
	switch {
	case !folderName.MatchString(p.Name) || filepath.Base(p.Name) != p.Name:
		return fmt.Errorf("the name %q is not that of a folder here: use letters, digits, -, _ and dots, such as shop", p.Name)
	case !modulePath.MatchString(p.ModulePath()):
		return fmt.Errorf("the module path %q has characters that no module path has: use one such as example.com/%s", p.Path, p.Name)
	case slices.Contains(reserved, first) || standard(first):
		return fmt.Errorf("the module path %s is one that Go uses itself: pass another by -module, such as example.com/%s", p.ModulePath(), p.Name)
	case !slices.Contains(Platforms(), p.Platform):
		return fmt.Errorf("there is no platform %q: use one of %q", p.Platform, Platforms())
	}
	return nil
}

// ModulePath is the path of the module.
func (p *Project) ModulePath() string {
	if p.Path == "" {
		return p.Name
	}
	return p.Path
}

//go:embed templates
var templates embed.FS

// Write makes the folder Name in the working directory, which must not exist or be empty, and writes the files of the project. It returns
// their names, relative to the folder. It writes nothing outside of the folder and replaces no file.
func Write(p *Project) (names []string, err error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(p.Name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as source code
		return nil, err
	}
	entries, err := os.ReadDir(p.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another name", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("the folder %s has files already, such as %s: choose another name, or remove them", p.Name, entries[0].Name())
	}
	root, err := os.OpenRoot(p.Name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, f := range files {
		if err := root.MkdirAll(path.Dir(f.name), 0o755); err != nil {
			return nil, err
		}
		if err := create(root, f); err != nil {
			return nil, err
		}
		names = append(names, f.name)
	}
	return names, nil
}

func create(root *os.Root, f file) error {
	out, err := root.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(f.text)
	return errors.Join(err, out.Close())
}

type file struct {
	name string
	text []byte
}

// files returns the files of the project, sorted by name.
func (p *Project) files() (all []file, err error) {
	err = fs.WalkDir(templates, "templates", func(source string, d fs.DirEntry, err error) error {
		name := strings.TrimSuffix(strings.TrimPrefix(source, "templates/"), ".tmpl")
		if err != nil || d.IsDir() || p.leavesOut(name) {
			return err
		}
		t, err := template.New(path.Base(source)).Delims("<<", ">>").ParseFS(templates, source)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		text := b.Bytes()
		if strings.HasSuffix(name, ".go") {
			if text, err = format.Source(text); err != nil {
				return fmt.Errorf("%s: %w", source, err)
			}
		}
		if name == "gitignore" {
			name = ".gitignore"
		}
		all = append(all, file{name, text})
		return nil
	})
	return all, err
}

func (p *Project) leavesOut(name string) bool {
	return !p.Page && (strings.HasPrefix(name, "web/") || name == "package.json" || name == "tsconfig.json")
}

// What the templates ask.

// OnWS and OnSocketIO report the platforms of the gateway.
func (p *Project) OnWS() bool { return p.Platform != SocketIO }

// OnSocketIO is described at OnWS.
func (p *Project) OnSocketIO() bool { return p.Platform != WS }

// OnBoth reports both platforms.
func (p *Project) OnBoth() bool { return p.Platform == Both }

// PathOfWS is the path of the gateway on plain WebSocket.
func (p *Project) PathOfWS() string {
	if p.OnBoth() {
		return "/ws/chat"
	}
	return "/chat"
}

// ClientFolder is where the client in TypeScript is.
func (p *Project) ClientFolder() string {
	if p.Page {
		return "web/src"
	}
	return "client"
}

// ReplaceQuoted is Replace as it is in a go.mod.
func (p *Project) ReplaceQuoted() string {
	if strings.ContainsAny(p.Replace, " \t\"'`()[]{},") || strings.Contains(p.Replace, "//") {
		return fmt.Sprintf("%q", p.Replace)
	}
	return p.Replace
}

// Versions returns those of the npm packages.
func (*Project) Versions() map[string]string {
	return map[string]string{"esbuild": Esbuild, "typescript": TypeScript, "socketio": SocketIOClient}
}
