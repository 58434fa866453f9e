package cluster

import (
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

const (
	// muteAfter is how many malformed messages of an origin within muteTime mute it for muteTime.
	muteAfter = 100
	muteTime  = time.Minute
	// maxOffenders bounds the origins of malformed messages that a worker counts.
	maxOffenders = 256
)

// offender is an origin of malformed messages.
type offender struct {
	since time.Time // when n started; of a muted one when it was muted
	n     int       // since then; muteAfter when it is muted
}

func (o *offender) over(now time.Time) bool { return now.Sub(o.since) >= muteTime }

// offenders are the origins of malformed messages, by what identifies them to a worker. Frames of
// other software may name any number of origins, so not all of them are counted.
type offenders map[string]*offender

// muted reports whether an origin is muted.
func (all offenders) muted(origin []byte) bool {
	o := all[string(origin)]
	if o == nil || o.n < muteAfter {
		return false
	}
	if o.over(time.Now()) {
		delete(all, string(origin))
		return false
	}
	return true
}

// muted reports whether what an origin sends is dropped unread.
func (w *worker) muted(origin []byte) bool { return len(w.offenders) > 0 && w.offenders.muted(origin) }

// add counts a malformed message, and reports whether its origin is muted from now on.
func (all offenders) add(origin []byte) bool {
	now := time.Now()
	o := all[string(origin)]
	if o == nil || o.over(now) {
		if o == nil && len(all) >= maxOffenders {
			all.forgetOne(now)
		}
		o = &offender{since: now}
		all[string(origin)] = o
	}
	if o.n++; o.n != muteAfter {
		return false
	}
	o.since = now
	return true
}

// forgetOne removes those that are over, or any other, preferably not a muted one.
func (all offenders) forgetOne(now time.Time) {
	var last, counted string
	for id, o := range all {
		if last = id; o.over(now) {
			delete(all, id)
		} else if o.n < muteAfter {
			counted = id
		}
	}
	switch {
	case len(all) < maxOffenders:
	case counted != "":
		delete(all, counted)
	default:
		delete(all, last)
	}
}

// refused counts and logs a message that is malformed or of a newer version. The malformed ones of
// an origin may mute it.
func (w *worker) refused(origin []byte, err error) {
	w.c.invalid(err)
	if !errors.Is(err, envelope.ErrInvalid) && !errors.Is(err, envelope.ErrLimit) || !w.offenders.add(origin) {
		return
	}
	if n := w.c.muteLog.Count(); n > 0 {
		w.c.log.Error("an origin sends malformed messages: what it sends is dropped for a minute", "origin", originText(origin), "origins", n)
	}
}
