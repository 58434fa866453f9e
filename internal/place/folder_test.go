package place

import (
	"path"
	"testing"
)

func TestFolder(t *testing.T) {
	const shop = "example.com/shop"
	shopAt := func(root string) *program {
		p := &program{module: shop, pkg: shop + "/cmd/server", cached: []cached{
			{"example.com/dep/v2", "/example.com/dep/v2@v2.1.0/"},
			{"example.com/Old", "/example.com/!fork@v1.0.0/"},
			{"example.com/local", "/../local@/"},
		}}
		if root != "" {
			p.root.Store(&root)
		}
		return p
	}
	known, unknown := shopAt("/home/ada/work"), shopAt("")
	atRoot := &program{module: shop, pkg: shop}
	for _, tt := range []struct {
		of                   *program
		function, file, want string
	}{
		{unknown, shop + "/chat.NewGateway", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.NewGateway", shop + "/chat/gateway.go", "chat/gateway.go"}, // -trimpath
		{unknown, shop + ".init", "/home/ada/work/module.go", "module.go"},
		{unknown, shop + "/chat.(*Gateway).Subscriptions", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.(*Gateway).Subscriptions.func1", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.init.func1", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.init.0.func1.2", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.New[...]", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat.New[go.shape.struct { example.com/other/db.N [3]int }].func1", "/home/ada/work/chat/gateway.go", "chat/gateway.go"},
		{unknown, shop + "/chat/v2%2e1.New", "/home/ada/work/chat/v2.1/chat.go", "chat/v2.1/chat.go"},
		{unknown, "odd%zz.New", "/x/chat.go", "odd%zz/chat.go"},
		{unknown, "odd%.New", "/x/chat.go", "odd%/chat.go"},

		// Package main.
		{unknown, "main.main", "/home/ada/work/cmd/server/main.go", "cmd/server/main.go"},
		{unknown, "main.main.func1", "/home/ada/work/cmd/server/main.go", "cmd/server/main.go"},
		{atRoot, "main.main", "/home/ada/work/main.go", "main.go"},
		{&program{}, "main.main", "/tmp/main.go", "main.go"}, // go run main.go

		// Tests; a folder may also have a name that ends as those of external tests.
		{unknown, shop + "/chat.TestChat.func2", "/home/ada/work/chat/chat_test.go", "chat/chat_test.go"},
		{unknown, shop + "/chat_test.TestChat", "/home/ada/work/chat/chat_test.go", "chat/chat_test.go"},
		{unknown, shop + "_test.TestShop", "/home/ada/work/shop_test.go", "shop_test.go"},
		{unknown, shop + "/load_test.TestLoad", "/home/ada/work/load_test/load_test.go", "load_test/load_test.go"},

		// Other modules.
		{unknown, "example.com/shopping/cart.New", "/x/mod/example.com/shopping@v1.2.0/cart/cart.go", "example.com/shopping/cart/cart.go"},
		{unknown, "example.com/dep/v2.New", "/x/mod/example.com/dep/v2@v2.1.0/dep.go", "example.com/dep/v2/dep.go"},
		{unknown, "gopkg.in/yaml%2ev3.Unmarshal", "/x/mod/gopkg.in/yaml.v3@v3.0.1/yaml.go", "gopkg.in/yaml.v3/yaml.go"},
		{unknown, "strings.Repeat", "/go/src/strings/strings.go", "strings/strings.go"},

		// Nothing is known of the program, or of the function.
		{&program{}, shop + "/chat.New", "/x/chat/chat.go", shop + "/chat/chat.go"},
		{&program{}, "", "/x/chat/chat.go", "chat.go"},

		// Literals in methods of values have names like those in functions that were inlined.
		{unknown, shop + "/chat.Guard.Check.func1", "/home/ada/work/chat/guard.go", "chat/guard.go"},
		{known, "main.Guard.Check.func1", "/home/ada/work/cmd/server/guard.go", "cmd/server/guard.go"},
		{known, shop + ".Guard.Check.func1", "/home/ada/work/guard.go", "guard.go"},

		// Literals of other packages, inlined into main.
		{unknown, "main.main.Logging.func2", shop + "/internal/mw/logging.go", "internal/mw/logging.go"},                                         // -trimpath
		{unknown, "main.main.Logging.func2", "example.com/dep/v2@v2.1.0/mw/logging.go", "example.com/dep/v2/mw/logging.go"},                      // -trimpath
		{unknown, "main.main.StripPrefix.func1", "net/http/server.go", "net/http/server.go"},                                                     // -trimpath
		{known, "main.main.Logging.func2", "/home/ada/work/internal/mw/logging.go", "internal/mw/logging.go"},                                    // of this module
		{known, "main.main.Logging[...].func2", "/home/ada/work/mw.go", "mw.go"},                                                                 // of its root
		{known, "main.main.Logging.func2", "/home/ada/work/vendor/example.com/mw/logging.go", "example.com/mw/logging.go"},                       // go mod vendor
		{known, "main.main.Logging.func2", "/x/mod/example.com/dep/v2@v2.1.0/logging.go", "example.com/dep/v2/logging.go"},                       // of a dependency
		{known, "main.main.Logging.func2", "/x/mod/example.com/!fork@v1.0.0/mw/logging.go", "example.com/Old/mw/logging.go"},                     // of one that is replaced
		{known, "main.main.Logging.func2.gowrap1", "/go/src/net/http/server.go", "http/server.go"},                                               // of the library
		{unknown, "main.main.Logging.func2", "/home/ada/work/internal/mw/logging.go", "mw/logging.go"},                                           // before the root is known
		{unknown, shop + "/chat.(*Gateway).Subscriptions.Logging.func2", "/home/ada/work/internal/mw/logging.go", "mw/logging.go"},               // into a method
		{known, shop + "/chat.TestChat.Logging.func2", "/home/ada/work/internal/mw/logging.go", "internal/mw/logging.go"},                        // into a test
		{known, shop + "/chat_test.TestChat.func1.Logging.func2.3", "/home/ada/work/internal/mw/logging_test.go", "internal/mw/logging_test.go"}, // and into a literal of one
	} {
		if got := path.Join(tt.of.folder(tt.function, tt.file), path.Base(tt.file)); got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.function, tt.file, got, tt.want)
		}
	}
}

// The root of the main module is learned from functions of it that cannot have been inlined.
func TestLearn(t *testing.T) {
	for _, tt := range []struct{ function, file, want string }{
		{"example.com/shop/chat.init", "/home/ada/work/chat/module.go", "/home/ada/work"},
		{"example.com/shop/chat_test.TestChat", "/home/ada/work/chat/chat_test.go", "/home/ada/work"},
		{"example.com/shop.init.func1", "/home/ada/work/module.go", "/home/ada/work"},
		{"main.main", "/home/ada/work/cmd/server/main.go", "/home/ada/work"},
		{"main.main", "/home/ada/gen/main.y", ""},                                // by //line
		{"main.main.Logging.func1", "/home/ada/work/internal/mw/logging.go", ""}, // may be of any package
		{"main.main", "example.com/shop/cmd/server/main.go", ""},                 // -trimpath
		{"example.com/dep/cart.New", "/x/mod/example.com/dep@v1.0.0/cart/cart.go", ""},
	} {
		p := &program{module: "example.com/shop", pkg: "example.com/shop/cmd/server"}
		p.learn(tt.function, tt.file)
		got := ""
		if root := p.root.Load(); root != nil {
			got = *root
		}
		if got != tt.want {
			t.Errorf("%s in %s: got %q, want %q", tt.function, tt.file, got, tt.want)
		}
	}
}

func TestEscaped(t *testing.T) {
	if got := escaped("github.com/BurntSushi/toml"); got != "github.com/!burnt!sushi/toml" {
		t.Errorf("got %s", got)
	}
}
