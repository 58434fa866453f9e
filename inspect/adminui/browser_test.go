package adminui_test

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// open opens the page that an application serves, and logs in.
func open(t *testing.T, a *apptest.App) *browsertest.Page {
	t.Helper()
	p := browsertest.Start(t).Open(a.URL() + "/admin/")
	field := func(label string) string {
		return fmt.Sprintf(".v-dialog .v-text-field:has(label:text-is(%q)) input", label)
	}
	p.Fill(field("Server URL"), a.URL())
	p.Fill(field("Username"), "admin")
	p.Fill(field("Password"), "wrong")
	p.Click(".v-dialog button[type=submit]")
	p.WaitText(".v-dialog .red--text", "Invalid credentials")
	p.Fill(field("Password"), password)
	p.Click(".v-dialog button[type=submit]")
	return p
}

// show opens another view of the page.
func show(p *browsertest.Page, view string) { p.Eval(fmt.Sprintf("location.hash = %q", "#/"+view)) }

// TestPage: the page of the npm package shows the servers, sockets, rooms and events of an application, and its actions work.
func TestPage(t *testing.T) {
	a := start(t, adminui.Options{Mode: adminui.Development, UI: os.DirFS(pageFiles(t))})
	server := apptest.Get[*chat](a).Server
	before := a.DialSocketIO("/")
	apptest.Call[string](before, "join", "tea")

	p := open(t, a)
	show(p, "servers/")
	p.WaitText("table", fmt.Sprint(os.Getpid()))

	show(p, "sockets/")
	p.WaitText("table", before.ID())
	later := a.DialSocketIO("/")
	p.WaitText("table", later.ID())

	show(p, "rooms/")
	p.WaitText("table", "tea")

	apptest.Call[string](later, "say", "hello")
	show(p, "events/")
	p.WaitText("table code", "said")
	p.WaitText("table", later.ID())

	details := "n/" + url.PathEscape("/") + "/sockets/" + before.ID()
	show(p, details)
	p.Fill(".select-room input", "coffee")
	p.Press(".select-room input", "Tab")
	p.Click("form button[type=submit]")
	p.WaitText("table tr", "coffee")
	testkit.Eventually(t, "the page joins a client to a room", func() bool { return server.Local().To("coffee").Len() == 1 })
	p.Click(`tr:has(td:text-is("tea")) button`)
	testkit.Eventually(t, "the page has a client leave a room", func() bool { return server.Local().To("tea").Len() == 0 })

	show(p, "sockets/")
	p.Click(fmt.Sprintf("tr:has(td:text-is(%q)) button", before.ID()))
	if end := before.ExpectClose(); end.Reason != "io server disconnect" {
		t.Errorf("the page has disconnected a client, which sees %v", end)
	}

	// Files of the page that are not there would be failed requests, and calls to other servers violations of its policy.
	bad := func(line string) bool { return strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "failed:") }
	if i := slices.IndexFunc(p.Console(), bad); i >= 0 {
		t.Errorf("the page's console:\n%s", p.Console()[i])
	}
}
