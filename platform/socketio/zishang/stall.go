package zishang

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// transitSize is how much may take longer than a ping timeout to arrive by polling.
const transitSize = 4 << 10

// watcher looks at a link from time to time while something waits for its client. A
// client that takes nothing while its queue is pressed is closed. One that takes data
// is alive, although its heartbeat waits behind the data.
type watcher struct {
	l       *link
	sampled bool
	taken   uint64 // writes that the transport has finished
	acked   uint64 // bytes that the client has acknowledged
	tookAt  time.Time
}

// watch starts to look, and returns at once.
func (l *link) watch() {
	w := &watcher{l: l, tookAt: time.Now()}
	time.AfterFunc(w.tick(), w.look)
}

func (w *watcher) tick() time.Duration {
	limits := &w.l.srv.cfg.Limits
	d := limits.PingTimeout
	if limits.SendStall > 0 {
		d = min(d, limits.SendStall)
	}
	return max(d/16, time.Millisecond)
}

func (w *watcher) look() {
	l := w.l
	defer l.srv.recovered("watch")
	t, overWebSocket := l.Transport().(*wsTransport)
	var acked, waiting uint64
	if overWebSocket {
		acked, waiting, _ = wsconn.Acknowledged(t.conn.NetConn())
	}
	if l.out.unwatch(waiting > 0) {
		return
	}
	limits := &l.srv.cfg.Limits
	now := time.Now()
	pressed, taken, given := l.out.pressed()
	took := w.sampled && (taken != w.taken || acked != w.acked)
	if took {
		w.tookAt = now
	}
	w.sampled, w.taken, w.acked = true, taken, acked
	stall := limits.SendStall
	if !overWebSocket {
		stall = limits.PingInterval + limits.PingTimeout
	}
	if overWebSocket && took && waiting > 0 || !overWebSocket && given > transitSize && now.Sub(w.tookAt) < stall {
		l.answerPing(limits.PingTimeout / 3)
	}
	if pressed && stall > 0 && now.Sub(w.tookAt) > stall {
		l.kill(websockets.Reason{Cause: websockets.CauseQueueOverflow})
		return
	}
	time.AfterFunc(w.tick(), w.look)
}
