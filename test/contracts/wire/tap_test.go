package wire

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// texts returns what was recorded of a connection: what the client has sent starts with >.
func texts(r *Recorder) (all []string) {
	for _, m := range r.Messages() {
		from := map[bool]string{true: ">"}[m.FromClient]
		all = append(all, fmt.Sprintf("%s%s %s %s", from, m.Conn, m.Path, m.Data))
	}
	return all
}

// TestRecordFrames: messages of a WebSocket, compressed or not, in one frame or several, and cut by the network anywhere.
func TestRecordFrames(t *testing.T) {
	sizes := []int{0, 1, 125, 126, 5000, 70_000}
	for name, mode := range map[string]websocket.CompressionMode{
		"plain": websocket.CompressionDisabled, "compressed": websocket.CompressionContextTakeover, "each": websocket.CompressionNoContextTakeover,
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				c, err := websocket.Accept(w, q, &websocket.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
				if err != nil {
					t.Error(err)
					return
				}
				c.SetReadLimit(-1)
				for {
					kind, data, err := c.Read(q.Context())
					if err != nil {
						return
					}
					out, err := c.Writer(q.Context(), kind) // two frames
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = out.Write(data[:len(data)/2])
					_, _ = out.Write(data[len(data)/2:])
					_ = out.Close()
				}
			}))
			defer s.Close()
			r := Record(t, s.URL)
			c, _, err := websocket.Dial(t.Context(), r.URL+"/ws", &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.CloseNow() }()
			c.SetReadLimit(-1)
			var want []string
			for i, size := range sizes {
				text := strings.Repeat(string(rune('a'+i)), size)
				if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.Read(t.Context()); err != nil || string(got) != text {
					t.Fatalf("got %d bytes, %v", len(got), err)
				}
				want = append(want, ">1 /ws "+text, "1 /ws "+text)
			}
			if got := texts(r); !slices.Equal(got, want) {
				t.Errorf("%d messages, want %d: %.2000q", len(got), len(want), got)
			}
		})
	}
}

// TestRecordPolls: packets of polls, compressed ones too, and nothing of other requests.
func TestRecordPolls(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		switch {
		case len(body) > 0:
			_, _ = io.WriteString(w, "ok")
		case q.Header.Get("Accept-Encoding") == "gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "2\x1e42[]\x1ebYQ==")
			_ = z.Close()
		default:
			_, _ = io.WriteString(w, "6")
		}
	}))
	defer s.Close()
	r := Record(t, s.URL)
	h := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer h.CloseIdleConnections()
	for _, c := range []struct{ method, path, body, encoding string }{
		{"GET", "/page", "", ""}, {"POST", "/io/?sid=x", "40\x1e42[1]", ""}, {"GET", "/io/?sid=x", "", "gzip"}, {"GET", "/io/?sid=x", "", ""},
		{"POST", "/io/?sid=y", strings.Repeat("4", 100_000), ""},
	} {
		q, err := http.NewRequestWithContext(t.Context(), c.method, r.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.encoding != "" {
			q.Header.Set("Accept-Encoding", c.encoding)
		}
		res, err := h.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	want := []string{">x /io/ 40", ">x /io/ 42[1]", "x /io/ 2", "x /io/ 42[]", "x /io/ bYQ==", "x /io/ 6", ">y /io/ " + strings.Repeat("4", 100_000)}
	if got := texts(r); !slices.Equal(got, want) {
		t.Errorf("got %.500q", got)
	}
}
