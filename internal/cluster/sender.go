package cluster

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// run sends what waits, and beats. It is the only goroutine that calls Send.
func (c *Cluster) run() {
	defer close(c.stopped)
	defer c.losses()
	beat := time.NewTimer(c.beatAfter())
	defer beat.Stop()
	var batch []*backplane.Message
	for {
		select {
		case <-c.stopping:
			c.flush(batch)
			return
		case <-beat.C:
			c.tick()
			beat.Reset(c.beatAfter())
		default:
		}
		if batch = c.next(batch); len(batch) > 0 {
			c.send(c.sendCtx, batch)
			continue
		}
		select {
		case <-c.out.wake:
		case <-beat.C:
			c.tick()
			beat.Reset(c.beatAfter())
		case <-c.stopping:
		}
	}
}

// beatAfter returns the time until the next beat, which differs by 10 % so that nodes do not beat
// together.
func (c *Cluster) beatAfter() time.Duration {
	every := c.cfg.Options.Beat
	return every*9/10 + time.Duration(rand.Int64N(int64(every)/5+1)) //nolint:gosec // spreads load, no secret
}

// next returns the batch to send; nothing while the service cannot be reached.
func (c *Cluster) next(batch []*backplane.Message) []*backplane.Message {
	clear(batch)
	batch = batch[:0]
	up, hello := c.link.take()
	if !up {
		return batch
	}
	if hello {
		c.out.pushControl(c.hello("", true))
	}
	if c.out.takeBeat() {
		c.out.pushControl(c.beat())
	}
	if batch = c.out.take(batch, c.resume.waits() || c.again.waits()); len(batch) == 0 {
		batch = c.again.take(batch)
	}
	return batch
}

// send sends a batch. What fails is lost, as it is unknown which of it has arrived; with a log, events are sent again.
func (c *Cluster) send(ctx context.Context, batch []*backplane.Message) {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	size := 0
	for _, m := range batch {
		size += envelope.Size(m)
	}
	started := time.Now()
	err := c.cfg.Backplane.Send(ctx, batch)
	c.counts.sendTime.Add(int64(time.Since(started)))
	c.counts.batches.Add(1)
	if err != nil {
		c.failed(batch, err)
		return
	}
	c.counts.sent.Add(uint64(len(batch)))
	c.counts.sentBytes.Add(uint64(size))
	c.out.releaseTaken() // not after an error: the engine may be at work still
}

// flush sends what waits and a Bye, within flushWait.
func (c *Cluster) flush(batch []*backplane.Message) {
	ctx, cancel := context.WithTimeout(c.sendCtx, flushWait)
	defer cancel()
	c.resume.end()
	c.again.due = time.Time{}
	for failures := c.again.failures; ctx.Err() == nil && failures == c.again.failures; {
		if batch = c.next(batch); len(batch) == 0 {
			break
		}
		c.send(ctx, batch)
	}
	if up, _ := c.link.take(); !up {
		return
	}
	c.out.pushControl(c.bye())
	c.send(ctx, c.out.take(batch[:0], c.again.waits()))
	if messages, _ := c.out.waiting(); messages+len(c.again.batch) > 0 {
		c.dropped(messages+len(c.again.batch), errStop)
	}
}

// tick is done with every beat: it removes nodes that have not beaten.
func (c *Cluster) tick() {
	c.out.requestBeat()
	c.link.report()   // a loss may be long ago
	c.chooseVersion() // which reports a node that reads none of this one's
	c.losses()
	for _, n := range c.members.expire(c.cfg.Options.Dead) {
		c.left(n.ID)
		c.log.Warn("node does not respond any more", "node", n.ID, "name", n.Name)
	}
}
