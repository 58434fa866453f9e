package browsertest_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = `<!doctype html><title>test</title><link rel="icon" href="data:,">
<input id="text"><button id="send">Send</button><ul id="list"></ul>
<script>
const send = () => {
	const li = document.createElement('li');
	li.textContent = document.querySelector('#text').value;
	setTimeout(() => document.querySelector('#list').append(li), 50);
};
document.querySelector('#send').onclick = send;
document.querySelector('#text').onkeydown = (e) => e.key === 'Enter' && send();
console.warn('ready');
</script>`

func serve(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDrivesAPage(t *testing.T) {
	url := serve(t, page)
	b := browsertest.Start(t)
	if b.Version() == "" {
		t.Error("no version")
	}
	p := b.Open(url)
	p.Fill("#text", "hello")
	p.Click("#send")
	p.WaitText("#list li", "hello")
	p.Fill("#text", "again")
	p.Press("#text", "Enter")
	p.WaitText("#list li:nth-child(2)", "again")
	if got := p.Text("#list"); got != "hello\nagain" {
		t.Errorf("text %q", got)
	}
	if got := string(p.Eval("document.title")); got != `"test"` {
		t.Errorf("title %s", got)
	}
	if !slices.Contains(p.Console(), "warning: ready") {
		t.Errorf("console: %v", p.Console())
	}
	file := filepath.Join(t.TempDir(), "page.png")
	p.Screenshot(file)
	png, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("screenshot: %v, %.8q", err, png)
	}
	p.Close()
}

func TestPagesAreIsolated(t *testing.T) {
	url := serve(t, page)
	b := browsertest.Start(t)
	one, two := b.Open(url), b.Open(url)
	one.Eval("localStorage.setItem('a', '1')")
	if got := string(two.Eval("localStorage.getItem('a')")); got != "null" {
		t.Errorf("the other page sees %s", got)
	}
}

func TestUncaughtExceptionsFailTheTest(t *testing.T) {
	const thrown = `<!doctype html><link rel="icon" href="data:,"><script>throw new Error('boom')</script>`
	url := serve(t, thrown)
	outer := browsertest.Start(t) // first: skips the test without a browser
	r := &testkit.Recorder{TB: t}
	t.Run("inner", func(t *testing.T) {
		r.TB = t
		b := browsertest.Start(r)
		b.Open(url)
	})
	r.TB = t
	r.Want("boom")
	p := outer.Open(url)
	if got := p.AllowUncaught(); !slices.Equal(got, []string{"boom"}) {
		t.Errorf("uncaught: %q", got)
	}
}
