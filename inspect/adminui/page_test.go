package adminui_test

import (
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// program is that of the page.
func program(Module *module.Module) error {
	// snippet:adminui
	admin, err := adminui.New(adminui.Options{
		Username:     "admin",
		PasswordHash: os.Getenv("ADMIN_HASH"),
		Mode:         adminui.Development,
		UI:           os.DirFS("node_modules/@socket.io/admin-ui/ui/dist"),
	})
	if err != nil {
		return err
	}
	root := module.New("root", module.Imports(Module, admin.Module()))
	app.Main(root, app.HTTP(":3000"), app.WebSockets(socketio.New()), app.Observe(admin.Hooks()))
	// end
	return nil
}

var _ = program
