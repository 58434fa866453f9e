package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// limit is a row of docs/security.md.
type limit struct {
	what, def string
	tests     [][2]string // name and folder
}

var heldBy = regexp.MustCompile("`(\\w+)` \\(([\\w/]+)\\)")

// limits reads the rows of all tables of the page.
func limits(t *testing.T, repo fs.FS) (all []limit) {
	t.Helper()
	page, err := fs.ReadFile(repo, "docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(page), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || cells[0] == "what" {
			continue
		}
		if len(cells) != 5 {
			t.Errorf("%d cells, want 5: %s", len(cells), line)
			continue
		}
		l := limit{what: cells[0], def: cells[1]}
		for _, m := range heldBy.FindAllStringSubmatch(cells[4], -1) {
			l.tests = append(l.tests, [2]string{m[1], m[2]})
		}
		if len(l.tests) == 0 {
			t.Errorf("no test holds %q", l.what)
		}
		all = append(all, l)
	}
	if len(all) < 50 {
		t.Errorf("the page has %d rows", len(all))
	}
	return all
}

// TestEveryLimitIsHeld: the tests that the page names exist.
func TestEveryLimitIsHeld(t *testing.T) {
	repo := os.DirFS("..")
	known := map[string]map[string]bool{}
	for _, l := range limits(t, repo) {
		for _, held := range l.tests {
			name, dir := held[0], held[1]
			if known[dir] == nil {
				known[dir] = testsOf(t, repo, dir)
			}
			if !known[dir][name] {
				t.Errorf("%s: there is no %s in %s", l.what, name, dir)
			}
		}
	}
}

// testsOf returns the functions in the test files of a folder.
func testsOf(t *testing.T, repo fs.FS, dir string) map[string]bool {
	t.Helper()
	files, err := fs.Glob(repo, path.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path.Join("..", name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

// inCode is where the code has a default, as it is written there.
var inCode = map[string]struct{ def, file, code string }{
	"time for the header of a request, and for a TLS handshake": {"10 s", "app/option.go", "headerTimeout: 10 * time.Second,"},
	"size of the header of a request":                           {"64 KiB", "app/listen.go", "MaxHeaderBytes: 64 << 10,"},
	"time between two requests":                                 {"2 min", "app/option.go", "keepAlive: 2 * time.Minute,"},
	"version of TLS, with `app.TLS`":                            {"1.2", "app/tls.go", "MinVersion: tls.VersionTLS12}"},
	"body of a JSON handler":                                    {"1,000,000 bytes", "web/option.go", "const defaultBodyLimit = 1_000_000"},
	"time to start":                                             {"15 s", "app/option.go", "startTimeout: 15 * time.Second,"},
	"time to stop":                                              {"15 s", "app/option.go", "stopTimeout: 15 * time.Second"},
	"messages of a client that wait for a handler":              {"256", "internal/gateway/inbox.go", "inboxMessages = 256"},
	"memory of messages of a client that wait for a handler":    {"1 MiB", "internal/gateway/inbox.go", "inboxBytes = 1 << 20"},
	"rooms of a client":                                         {"1,000", "internal/gateway/runtime.go", "cmp.Or(ep.maxRooms, 1000)"},
	"unanswered calls to a client":                              {"1,024", "internal/gateway/pendingcalls.go", "maxCalls = 1024"},
	"frames of one message":                                     {"4,096", "platform/ws/options.go", "defaultMaxFragments = 4096"},
	"time from the first byte of a message to its last":         {"60 s", "platform/ws/options.go", "defaultMessageTimeout = time.Minute"},
	"name of an event that a client sends":                      {"256 bytes", "internal/config/config.go", "const MaxEventName = 256"},
	"id of a request":                                           {"64 bytes", "platform/ws/envelope.go", "const maxID = 64"},
	"depth of JSON":                                             {"10,000", "internal/jsonscan/value.go", "const MaxDepth = 10_000"},
	"query string":                                              {"16 KiB", "internal/engineio/request.go", "const maxQuery = 16 << 10"},
	"time for the upgrade from polling to WebSocket":            {"10 s", "platform/socketio/options.go", "UpgradeTimeout: 10 * time.Second,"},
	"namespaces of a connection":                                {"100", "platform/socketio/options.go", "MaxNamespaces: 100,"},
	"name of a namespace":                                       {"512 bytes", "platform/socketio/packet/decode.go", "const maxNamespace = 512"},
	"binary parts of a packet":                                  {"10", "platform/socketio/options.go", "MaxAttachments: 10,"},
	"time for the binary parts of a packet":                     {"30 s", "platform/socketio/options.go", "AttachmentTimeout: 30 * time.Second,"},
	"time for the body of a POST":                               {"60 s", "platform/socketio/options.go", "MessageTimeout: time.Minute,"},
	"time within which a client can be recovered":               {"2 min", "internal/resume/options.go", "MaxDisconnection: 2 * time.Minute,"},
	"saved clients":                                             {"10,000", "internal/resume/options.go", "MaxClients: 10_000,"},
	"memory of saved events of a client":                        {"256 KiB", "internal/resume/options.go", "defaultMaxBytes = 256 << 10"},
	"memory of all saved events of a server":                    {"256 MiB", "internal/resume/options.go", "MaxTotalBytes: 256 << 20,"},
	"saved clients of one address (IPv6: of a /64)":             {"100", "internal/resume/options.go", "MaxClientsPerAddress: 100,"},
	"memory of what waits to be sent to other nodes":            {"8 MiB, 65,536 messages", "backplane/options.go", "cmp.Or(max(o.QueueBytes, 0), 8<<20)"},
	"memory of what waits to be delivered":                      {"16 MiB for each of `GOMAXPROCS` goroutines, at least two", "internal/cluster/inbound.go", "const maxWaiting = 16 << 20"},
	"length of a frame":                                         {"16 MiB", "backplane/envelope/limits.go", "set(&l.Frame, 16<<20)"},
	"names and ids in a message":                                {"10,000 of 1,024 bytes", "backplane/envelope/limits.go", "set(&l.Names, 10_000) set(&l.Name, 1024)"},
	"malformed messages of one node":                            {"100 within a minute", "internal/cluster/mute.go", "muteAfter = 100 muteTime = time.Minute"},
	"nodes that name themselves in messages":                    {"4,096, and 256 of malformed ones, for each of these goroutines", "internal/cluster/numbers.go", "maxOrigins = 4096"},
	"events of other nodes that wait for a handler":             {"1,024, or 8 MiB", "internal/gateway/nodeevents.go", "maxNodeEvents = 1024 maxNodeBytes = 8 << 20"},
	"length of a token":                                         {"4,096 bytes", "jwtauth/options.go", "defaultMaxBytes = 4096"},
	"addresses and keys in `ratelimit`":                         {"100,000", "ratelimit/option.go", "const defaultMaxKeys = 100_000"},
	"violations that `validate` reports":                        {"50", "validate/collect.go", "const maxViolations = 50"},
	"connections of one address (IPv6: of a /64)":               {"256", "internal/admission/nofile.go", "DefaultPerAddress = 256"},
	"connections in total":                                      {"80 % of `RLIMIT_NOFILE`; 100,000 if that is unknown or unlimited", "internal/admission/nofile.go", "filesPercent = 80"},
	"lines with one cause, if clients cause them":               {"10 per second", "internal/logsample/sample.go", "PerSecond = 10"},
	"length of such a line":                                     {"2 KB", "internal/logsample/sample.go", "MaxLine = 2048"},
	"time without a namespace, refusals included":               {"15 s", "platform/socketio/options.go", "ConnectTimeout: 15 * time.Second,"},
	"connections of a server in no namespace":                   {"1,000", "platform/socketio/options.go", "MaxConnecting: 1000,"},
	"polling sessions of a server without a poll for 5 s":       {"1,000", "platform/socketio/options.go", "MaxUnpolled: 1000,"},
	"consecutive refused CONNECT packets, kicks included":       {"5", "internal/entries/entries.go", "MaxRefusals = 5"},
	"URL of a WebSocket handshake":                              {"16 KiB", "internal/wsconn/accept.go", "const maxURL = 16 << 10"},
	"kept headers of the handshake":                             {"16 KiB in total", "internal/keep/keep.go", "const DefaultHeaders = 16 << 10"},
	"`auth` of a client":                                        {"16 KiB", "internal/gateway/limits.go", "setDefault(&l.MaxAuth, 16<<10)"},
	"live heap and stacks, of `GOMEMLIMIT`":                     {"90 % after two collections in a row, until 80 %", "internal/memguard/memguard.go", "DefaultPercent = 90"},
}

// TestDefaultsAreTheCodes: the defaults on the page are those that the code has.
// Those of Limits are looked at by TestDefaultLimits.
func TestDefaultsAreTheCodes(t *testing.T) {
	repo := os.DirFS("..")
	left := maps.Clone(inCode)
	for _, l := range limits(t, repo) {
		want, ok := inCode[l.what]
		if !ok {
			continue
		}
		delete(left, l.what)
		if l.def != want.def {
			t.Errorf("%s: the page says %s, this test %s", l.what, l.def, want.def)
		}
		code, err := fs.ReadFile(repo, want.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(string(code)), " "), want.code) {
			t.Errorf("%s: %s does not have %q any more: mend the page and this test", l.what, want.file, want.code)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("the page has no row %q", what)
	}
}

// pageSays checks a default of the page against a value of the code.
func pageSays(t *testing.T, what string, value any, unit string) {
	t.Helper()
	want := fmt.Sprint(value) + unit
	for _, l := range limits(t, os.DirFS("..")) {
		if l.what == what {
			if l.def != want {
				t.Errorf("%s: the page says %s, the code %s", what, l.def, want)
			}
			return
		}
	}
	t.Errorf("the page has no row %q", what)
}
