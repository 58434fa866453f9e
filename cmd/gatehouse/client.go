package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatehouse-go/gatehouse/contract/typescript"
)

// clientTS writes the client of an AsyncAPI document.
func clientTS(_ context.Context, c *call) error {
	dir := c.flags.String("o", ".", "the `dir` of the files, which is made if it is missing")
	platform := c.flags.String("platform", "", "only the endpoints of a platform, by its `name`: ws or socketio")
	gateway := c.flags.String("gateway", "", "only the endpoints of a gateway, by its `name` in the document: chat.NewGateway")
	runtime := c.flags.String("runtime", "", "the `path` of the module that the client imports, by default ./gatehouse.js. With one of another folder the runtime is not written")
	args, err := c.parse()
	switch {
	case err != nil:
		return err
	case len(args) == 0 || args[0] != "ts":
		return wrongf("name the language and the document: gatehouse client ts api/asyncapi.json")
	case len(args) != 2:
		return wrongf("%d documents: name one", len(args)-1)
	}
	document, err := os.ReadFile(args[1])
	if err != nil {
		return fmt.Errorf("%w: a test with contracttest.Golden writes it, see docs/contracts.md", err)
	}
	var opts []typescript.Option
	if *platform != "" {
		opts = append(opts, typescript.Platform(*platform))
	}
	if *gateway != "" {
		opts = append(opts, typescript.Gateway(*gateway))
	}
	if *runtime != "" {
		opts = append(opts, typescript.Runtime(*runtime))
	}
	made, err := typescript.Generate(document, opts...)
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil { //nolint:gosec // as source code
		return err
	}
	for _, f := range made.Files {
		file := filepath.Join(*dir, f.Name)
		if err := os.WriteFile(file, f.Text, 0o644); err != nil { //nolint:gosec // as source code
			return err
		}
		_, _ = fmt.Fprintln(c.stdout, file)
	}
	for _, p := range made.Problems {
		_, _ = fmt.Fprintf(c.stderr, "%s: not in the client: %s\n", args[1], p)
	}
	if len(made.Problems) > 0 {
		return errFound
	}
	return nil
}
