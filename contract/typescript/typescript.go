// Package typescript makes a client in TypeScript of an AsyncAPI document of package contract: types of all messages, a description of
// each endpoint, and a runtime without dependencies that is the same for every application.
//
//	c, err := typescript.Generate(asyncapi)
//	for _, f := range c.Files {
//		os.WriteFile(filepath.Join(dir, f.Name), f.Text, 0o644)
//	}
//
// Package contracttest writes the files in a test, beside the documents, and holds the application to them.
package typescript

import (
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
)

// The names of the files. Runtime is imported by Client.
const (
	ClientFile  = "client.ts"
	RuntimeFile = "gatehouse.ts"
)

//go:embed gatehouse.ts
var runtime []byte

// Client is a client in TypeScript.
type Client struct {
	// Files are the generated file and the runtime, see [Runtime].
	Files []File
	// Problems are what the types do not express. In their place they accept any value. The rest is complete.
	Problems []Problem
}

// File is a file of the client.
type File struct {
	// Name is ClientFile or RuntimeFile.
	Name string
	Text []byte
}

// Problem is something that the client does not express, with its place. Fields without a meaning for it are empty.
type Problem struct {
	// Channel is the name of the channel in the document, Event the event.
	Channel, Event string
	// Schema is the name of the schema, with the path in it: "Order.items.price".
	Schema string
	// Text says what is wrong, and what to do.
	Text string
}

// String returns the problem on one line.
func (p Problem) String() string {
	var parts []string
	for _, part := range []struct{ format, v string }{{"channel %s", p.Channel}, {"event %q", p.Event}, {"schema %s", p.Schema}} {
		if part.v != "" {
			parts = append(parts, fmt.Sprintf(part.format, part.v))
		}
	}
	return strings.Join(append(parts, p.Text), ": ")
}

// Option configures [Generate].
type Option struct{ apply func(*settings) }

type settings struct {
	platform, gateway string
	runtime           string
}

// Platform keeps the endpoints of one platform: "ws" or "socketio". Default: all.
func Platform(name string) Option { return Option{func(s *settings) { s.platform = name }} }

// Gateway keeps the endpoints of one gateway, by its name in the document: "chat.NewGateway". An endpoint that gateways share has the
// messages of all. Default: all.
func Gateway(name string) Option { return Option{func(s *settings) { s.gateway = name }} }

// Runtime sets how the generated file imports the runtime. Default: "./gatehouse.js", which compilers and bundlers find in gatehouse.ts.
// For Node, which runs TypeScript as it is, use "./gatehouse.ts". With one of another folder, which several clients share, the runtime
// is not among the files.
func Runtime(module string) Option { return Option{func(s *settings) { s.runtime = module }} }

// Generate returns the client of an AsyncAPI document that package contract has made. The same document has the same client, byte by
// byte. The error is about a document that is not JSON or has no channels for the client, and of options.
func Generate(asyncapi []byte, opts ...Option) (*Client, error) {
	s := settings{runtime: "./" + strings.TrimSuffix(RuntimeFile, ".ts") + ".js"}
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&s)
		}
	}
	if s.platform != "" && !slices.Contains(platforms, s.platform) {
		return nil, fmt.Errorf("typescript: Platform(%q): use one of %q", s.platform, platforms)
	}
	root, err := jsonschema.Parse(asyncapi)
	if err != nil {
		return nil, fmt.Errorf("typescript: the document: %w", err)
	}
	g := &generator{document: document{root}, settings: s, types: map[string]string{}}
	if version, _ := root.Get("asyncapi").(string); !strings.HasPrefix(version, "3.") {
		return nil, errors.New("typescript: the document is not AsyncAPI 3: pass that of package contract")
	}
	text, err := g.client()
	if err != nil {
		return nil, err
	}
	files := []File{{ClientFile, text}}
	if path.Dir(s.runtime) == "." {
		files = append(files, File{RuntimeFile, slices.Clone(runtime)})
	}
	return &Client{files, g.problems}, nil
}

// platforms are those that the runtime knows.
var platforms = []string{"ws", "socketio"}
