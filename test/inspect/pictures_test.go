package inspect_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
)

// TestPictures writes pictures of all pages into the folder INSPECT_PICTURES, in both themes, of a wide and a narrow window.
func TestPictures(t *testing.T) {
	folder := os.Getenv("INSPECT_PICTURES")
	if folder == "" {
		return // nothing to hold: the pictures are for people
	}
	b := browsertest.Start(t)
	a, page := start(t)
	all := clients(t, a, 12)
	name, token, _ := strings.Cut(page, "#")
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{360, 1280} {
			p := b.OpenAs(name+"#"+token, width, 800, scheme)
			p.WaitText("#state", "live")
			for _, c := range all {
				c.Call("post", Post{Room: "tea", Text: strings.Repeat("A long text about tea. ", 20), Stars: 3})
				c.CallError("join", "full")
				c.Call("echo", "short")
			}
			id := url.PathEscape(all[1].ID())
			for _, at := range []string{"overview", "modules", "gateways", "routes", "clients", "clients/" + id, "rooms", "messages", "send"} {
				p.Eval(fmt.Sprintf("location.hash = '#/%s'", at))
				p.Eval("new Promise((done) => setTimeout(() => done(null), 700))")
				if wide := string(p.Eval("document.documentElement.scrollWidth > innerWidth")); wide != "false" {
					t.Errorf("%s is wider than %d", at, width)
				}
				p.Screenshot(filepath.Join(folder, fmt.Sprintf("%s-%s-%d.png", strings.NewReplacer("/"+id, "-one").Replace(at), scheme, width)))
			}
			p.Close()
		}
	}
}
