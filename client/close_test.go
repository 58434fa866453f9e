package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func TestCloseWaits(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{})
	release := make(chan struct{})
	asked := make(chan bool, 1)
	client.Answer(c, Confirm, func(ctx context.Context, _ string) (bool, error) {
		asked <- true
		<-release
		return true, ctx.Err()
	})
	var calling sync.WaitGroup
	calling.Go(func() {
		if yes, err := Ask.Call(t.Context(), c, "?"); err != nil || !yes {
			t.Errorf("%v, %v", yes, err)
		}
	})
	testkit.Receive(t, "the question", asked)
	closed := make(chan error, 1)
	go func() { closed <- c.Close(t.Context()) }()
	eventually(t, "that no call is accepted", func() bool {
		_, err := Fail.Call(t.Context(), c, "x")
		return errors.Is(err, client.ErrClosed)
	})
	select {
	case err := <-closed:
		t.Errorf("Close does not wait: %v", err)
	default:
	}
	close(release)
	if err := testkit.Receive(t, "the end", closed); err != nil {
		t.Error(err)
	}
	calling.Wait()
	if err := c.Close(t.Context()); err != nil || c.State() != client.Closed {
		t.Errorf("again: %v, %v", err, c.State())
	}
}

func TestCloseSendsWhatWaits(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{})
	for n := range 500 {
		if err := Mark.Emit(t.Context(), c, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last event", func() bool { return k.times(499) == 1 })
	for n := range 500 {
		if k.times(n) != 1 {
			t.Errorf("event %d was handled %d times", n, k.times(n))
		}
	}
}

func TestCloseHasAnEnd(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{})
	var calling sync.WaitGroup
	calling.Go(func() {
		_, err := Hang.Call(t.Context(), c, none{})
		wantErrors(t, err, client.ErrClosed, client.ErrUnanswered)
	})
	testkit.Receive(t, "the call", k.hanging)
	entered, release := make(chan bool), make(chan struct{})
	client.On(c, Poked, func(ctx context.Context, _ string) error {
		entered <- true
		<-ctx.Done()
		<-release
		return nil
	})
	if err := Poke.Emit(t.Context(), c, "x"); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "a handler", entered)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.Close(ctx)
	if err == nil || !strings.Contains(err.Error(), "1 requests and 0 calls of the server not answered") ||
		!strings.Contains(err.Error(), "a function of the application has not returned") {
		t.Errorf("got %v", err)
	}
	calling.Wait()
	close(release)
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Close while there is no connection, before Connect, and without room for events.
func TestCloseAnywhere(t *testing.T) {
	_, url := started(t)
	c := prepare(t, "ws://"+testkit.FreeAddress(t), client.Options{})
	if err := Poke.Emit(t.Context(), c, "waits"); err != nil {
		t.Fatal(err)
	}
	wantErrors(t, c.Close(t.Context()), client.ErrDisconnected)
	idle := prepare(t, url, client.Options{})
	if err := idle.Close(t.Context()); err != nil {
		t.Error(err)
	}
	waits := make(chan bool, 1)
	d := prepare(t, "ws://"+testkit.FreeAddress(t), client.Options{FirstRetry: time.Hour, LongestRetry: time.Hour, OnState: func(s client.State, _ error) {
		if s == client.Waiting {
			waits <- true
		}
	}})
	connected := make(chan error, 1)
	go func() { connected <- d.Connect(t.Context()) }()
	testkit.Receive(t, "a failed attempt", waits)
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wantErrors(t, testkit.Receive(t, "the end of Connect", connected), client.ErrClosed)

	full := dial(t, url, client.Options{Limits: client.Limits{Events: 1}})
	entered := make(chan bool, 1)
	client.On(full, Number, func(ctx context.Context, _ int) error {
		entered <- true
		<-ctx.Done()
		return nil
	})
	if err := full.Emit(t.Context(), "burst", 100); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "a handler", entered)
	start := time.Now()
	if err := full.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("Close takes %v: it waits for the reader, which waits for the handlers", took)
	}
}
