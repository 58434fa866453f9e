// Package browsertest drives Chromium from Go tests, with playwright-core. The program
// is test/js/browser.mjs.
package browsertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// Browser is a browser with an empty profile. It exits when the test ends.
//
//	b := browsertest.Start(t)
//	alice, bob := b.Open(url), b.Open(url)
//	alice.Fill("#text", "hello")
//	alice.Click("#send")
//	bob.WaitText("#messages li", "hello")
type Browser struct {
	t testing.TB
	p *nodetest.Process

	mu    sync.Mutex
	pages []*Page
}

// flags disable updates and background traffic.
var flags = []string{
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
}

// stepTimeout limits the wait for a selector.
const stepTimeout = 30 * time.Second

// Start starts the browser: the program in the environment variable CHROMIUM, or
// chromium on PATH.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := need.Program(t, "CHROMIUM", "chromium")
	b := &Browser{t: t}
	b.p = nodetest.StartProcess(t, "browser.mjs", b.onLine, append([]string{program}, flags...)...)
	return b
}

// Version returns the browser's version.
func (b *Browser) Version() string { b.t.Helper(); return text(b.t, b.p.MustDo("version", nil)) }

// Page is one page, with separate cookies and storage. An uncaught exception fails the
// test; see [Page.AllowUncaught].
type Page struct {
	b    *Browser
	name string

	mu       sync.Mutex
	console  []string
	uncaught []string
	allowed  bool
}

// Open opens a page, and fails the test unless the status is 200.
func (b *Browser) Open(url string) *Page { b.t.Helper(); return b.open(url, nil) }

// OpenUntrusted is Open for a server whose certificate the browser does not trust.
func (b *Browser) OpenUntrusted(url string) *Page {
	b.t.Helper()
	return b.open(url, nodetest.Fields{"ignoreHTTPSErrors": true})
}

// OpenAs is Open in a window of a width and height, with a light or a dark color scheme.
func (b *Browser) OpenAs(url string, width, height int, scheme string) *Page {
	b.t.Helper()
	return b.open(url, nodetest.Fields{"viewport": nodetest.Fields{"width": width, "height": height}, "colorScheme": scheme})
}

func (b *Browser) open(url string, opts nodetest.Fields) *Page {
	b.t.Helper()
	b.mu.Lock()
	p := &Page{b: b, name: "p" + strconv.Itoa(len(b.pages)+1)}
	b.pages = append(b.pages, p)
	b.mu.Unlock()
	b.t.Cleanup(p.check)
	status := p.do("open", nodetest.Fields{"url": url, "opts": opts})
	if string(status) != "200" {
		b.t.Fatalf("browsertest: Open(%s): status %s", url, status)
	}
	return p
}

// Fill sets the text of a field.
func (p *Page) Fill(selector, text string) {
	p.b.t.Helper()
	p.do("fill", nodetest.Fields{"selector": selector, "text": text})
}

// Click waits for an element to be clickable, and clicks it.
func (p *Page) Click(selector string) {
	p.b.t.Helper()
	p.do("click", nodetest.Fields{"selector": selector})
}

// Press presses a key such as Enter in an element.
func (p *Page) Press(selector, key string) {
	p.b.t.Helper()
	p.do("press", nodetest.Fields{"selector": selector, "key": key})
}

// WaitText waits for a visible element of the selector that contains the text.
func (p *Page) WaitText(selector, text string) {
	p.b.t.Helper()
	p.do("wait", nodetest.Fields{"selector": selector, "text": text})
}

// Text returns the visible text of the first element.
func (p *Page) Text(selector string) string {
	p.b.t.Helper()
	return text(p.b.t, p.do("text", nodetest.Fields{"selector": selector}))
}

// Eval returns the result of a JavaScript expression as JSON. It awaits a promise.
func (p *Page) Eval(expression string) json.RawMessage {
	p.b.t.Helper()
	return p.do("eval", nodetest.Fields{"code": expression})
}

// Screenshot writes a PNG of the whole page.
func (p *Page) Screenshot(path string) {
	p.b.t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		p.b.t.Fatal(err)
	}
	p.do("screenshot", nodetest.Fields{"path": abs})
}

// Close closes the page.
func (p *Page) Close() { p.b.t.Helper(); p.do("close", nil) }

// Console returns the console output of the page, the URLs of its requests and WebSockets, and its failed requests, each with
// its kind as prefix: "error: …", "request: …", "failed: …".
func (p *Page) Console() []string {
	p.b.t.Helper()
	p.do("settle", nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.console)
}

// AllowUncaught stops uncaught exceptions from failing the test, and returns those so
// far.
func (p *Page) AllowUncaught() []string {
	p.b.t.Helper()
	p.do("settle", nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = true
	return slices.Clone(p.uncaught)
}

func (p *Page) check() {
	if _, err := p.b.p.Do("settle", nodetest.Fields{"page": p.name}); err != nil {
		p.b.t.Errorf("browsertest: the page does not settle: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.uncaught) > 0 && !p.allowed {
		p.b.t.Errorf("browsertest: uncaught in %s: %s", p.name, strings.Join(p.uncaught, "; "))
	}
	if p.b.t.Failed() && len(p.console) > 0 {
		lines := slices.DeleteFunc(slices.Clone(p.console), func(l string) bool { return strings.HasPrefix(l, "request: ") })
		p.b.t.Logf("console of %s:\n%s", p.name, strings.Join(lines, "\n"))
	}
}

func (p *Page) do(what string, fields nodetest.Fields) json.RawMessage {
	p.b.t.Helper()
	request := nodetest.Fields{"page": p.name, "timeout": stepTimeout.Milliseconds()}
	maps.Copy(request, fields)
	v, err := p.b.p.Do(what, request)
	if err != nil {
		p.b.t.Fatalf("browsertest: %s %v: %v", what, fields, err)
	}
	return v
}

func (b *Browser) onLine(line []byte) {
	var event struct {
		Page string `json:"page"`
		Kind string `json:"kind"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		b.t.Errorf("browsertest: line %.200q: %v", line, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pages {
		if p.name != event.Page {
			continue
		}
		p.mu.Lock()
		p.console = append(p.console, fmt.Sprintf("%s: %s", event.Kind, event.Text))
		if event.Kind == "uncaught" {
			p.uncaught = append(p.uncaught, event.Text)
		}
		p.mu.Unlock()
	}
}

func text(t testing.TB, data json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatalf("browsertest: %s: %v", data, err)
	}
	return s
}
