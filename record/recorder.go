package record

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Options are those of a [Recorder]. The zero value is fit for most applications.
type Options struct {
	// Match returns whether a client is recorded; nil: all are.
	Match func(c websockets.Client) bool
	// Redact changes a line before it is written, after what is left out by default. It may change the payload, the query, the
	// path and the name of the event; a payload that it takes away should be named in Missing. Values that vary are not
	// yet replaced. It must be safe for concurrent use.
	Redact func(l *Line)
	// Vary are names of members of JSON objects whose values differ between runs, such as numbers and times of another form.
	Vary []string
	// Ignore are names of events that the application sends by itself, such as those of a clock. They are not recorded, and
	// not compared.
	Ignore []string
	// MaxBytes limits the file. Default: 10 MiB. A recorder needs memory in proportion to what it has written.
	MaxBytes int
	// MaxPayload limits payloads. Default: 64 KiB.
	MaxPayload int
	// MaxClients limits how many clients are recorded. Default: 100.
	MaxClients int
}

// Recorder writes what the clients of an application send and are sent. Its methods are safe for concurrent use.
type Recorder struct {
	tap tap

	// Guarded by tap.mu, as is all that follows.
	w       io.Writer
	options Options
	start   time.Time
	vars    *variables
	buffer  []byte
	written int
	over    bool // nothing more is written
	err     error
}

// endReserve is room for the last line.
const endReserve = 256

// New returns a recorder that writes each line to w at once. Errors of w end the recording, and are returned by Close.
func New(w io.Writer, o Options) *Recorder {
	o.MaxBytes, o.MaxPayload, o.MaxClients = cmp.Or(o.MaxBytes, 10<<20), cmp.Or(o.MaxPayload, 64<<10), cmp.Or(o.MaxClients, 100)
	r := &Recorder{w: w, options: o, start: time.Now(), vars: newVariables(o.Vary)}
	r.tap = newTap(tapOptions{redact: o.Redact, match: o.Match, ignore: o.Ignore, maxPayload: o.MaxPayload, maxClients: o.MaxClients}, r.write)
	r.write(&Line{Kind: KindStart, Version: version, Vary: o.Vary, Ignore: o.Ignore, MaxPayload: o.MaxPayload})
	return r
}

// Hooks returns the hooks for app.Observe. They are for one application.
func (r *Recorder) Hooks() observe.Hooks { return r.tap.hooks() }

// Close ends the recording, and does not close the writer. The stop of the application does the same, so Close is needed only
// to end it sooner and for the error, which is that of the writer.
func (r *Recorder) Close() error {
	r.tap.mu.Lock()
	defer r.tap.mu.Unlock()
	r.write(&Line{Kind: KindEnd, Missing: "what follows: the recording was ended"})
	return r.err
}

// write writes a line; tap.mu is held.
func (r *Recorder) write(l *Line) {
	if r.over {
		return
	}
	l.Time = milliseconds(r.start)
	r.vars.replaceIn(l)
	text, err := l.append(r.buffer[:0])
	if err == nil && r.written+len(text) > r.options.MaxBytes-endReserve && l.Kind != KindEnd {
		l = &Line{Kind: KindEnd, Time: l.Time, Missing: fmt.Sprintf("what follows: MaxBytes is %d", r.options.MaxBytes)}
		text, err = l.append(r.buffer[:0])
	}
	if err == nil {
		_, err = r.w.Write(text)
	}
	r.buffer = text
	r.written += len(r.buffer)
	if err != nil || l.Kind == KindEnd {
		r.end(err)
	}
}

func (r *Recorder) end(err error) {
	r.over, r.err = true, err
	r.tap.stop()
}
