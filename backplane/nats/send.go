package nats

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// Send implements [backplane.Backplane]: a message of NATS for each frame, then it waits until the
// server has handled all. While NATS cannot be reached, it waits for the connection.
func (e *Engine) Send(ctx context.Context, batch []*backplane.Message) error {
	s, err := e.loop.Session(ctx)
	if err != nil {
		return err
	}
	return e.publish(ctx, s, batch)
}

// part is messages that are one frame, of which no node may be there to receive it.
type part []*backplane.Message

func (e *Engine) publish(ctx context.Context, s *session, batch []*backplane.Message) error {
	limit := min(e.opts.maxPayload, int(s.nc.MaxPayload()))
	for len(s.noNodes) > 0 {
		<-s.noNodes // of an earlier Send, which has failed
	}
	var tooLarge error
	direct := map[string]part{} // by the last part of the subject for replies
	err := s.confirm(ctx, func() error {
		return envelope.Split(batch, func(of []*backplane.Message) error {
			for len(of) > 0 {
				n := fits(of, limit)
				if n == 0 {
					tooLarge = fmt.Errorf("nats: message of %d bytes: %w of %d, max_payload of the server is %d", envelope.Size(of[0]), envelope.ErrLimit,
						envelope.Limits{Frame: limit}.MaxMessage(), s.nc.MaxPayload())
					of = of[1:]
					continue
				}
				if err := e.frameOut(s, of[:n], direct); err != nil {
					return err
				}
				of = of[n:]
			}
			return nil
		})
	})
	if cap(e.frame) > 2*backplane.MaxBatchBytes {
		e.frame = nil
	}
	if err != nil {
		return err
	}
	e.report(s, direct)
	return tooLarge
}

// fits returns how many messages, from the first one, fit into a frame.
func fits(all []*backplane.Message, limit int) (n int) {
	room := envelope.Limits{Frame: limit}.MaxMessage()
	for _, m := range all {
		if room -= envelope.Size(m); n > 0 {
			room -= lengthSize
		}
		if room < 0 {
			return n
		}
		n++
	}
	return n
}

// lengthSize is the size of the length before a message, at most. That of the first is in what
// MaxMessage leaves free.
const lengthSize = 5

// frameOut publishes a frame.
func (e *Engine) frameOut(s *session, of []*backplane.Message, direct map[string]part) (err error) {
	if e.frame, err = envelope.Append(e.frame[:0], of); err != nil {
		return err
	}
	name, err := subject(e.opts.prefix, of[0].Channel)
	if err != nil {
		return err
	}
	if of[0].To == "" {
		return s.nc.Publish(name, e.frame)
	}
	e.replies++
	number := strconv.FormatUint(e.replies, 36)
	direct[number] = of
	return s.nc.PublishRequest(name, s.replyTo+number, e.frame)
}

// report passes on which messages no node has received. The server reports that before it confirms.
func (e *Engine) report(s *session, direct map[string]part) {
	for len(s.noNodes) > 0 {
		reply := <-s.noNodes
		number := strings.TrimPrefix(reply.Subject, s.replyTo)
		if reply.Header.Get("Status") != noResponders {
			continue
		}
		for _, m := range direct[number] {
			e.in.NoNode(&backplane.Message{Kind: m.Kind, To: m.To, Request: m.Request})
		}
		delete(direct, number)
	}
}

// noResponders is the status of a message that NATS reports as received by no node.
const noResponders = "503"
