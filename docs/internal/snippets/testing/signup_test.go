package signup_test

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	signup "github.com/gatehouse-go/gatehouse/docs/internal/snippets/testing"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// snippet:unit
func TestSignUpSendsMail(t *testing.T) {
	mailer := &fakeMailer{}
	ok, err := signup.NewGateway(mailer).SignUp(t.Context(), "ada@example.com")
	if !ok || err != nil || !slices.Equal(mailer.sent, []string{"ada@example.com"}) {
		t.Errorf("got %v, %v, sent %q", ok, err, mailer.sent)
	}
}

// end

// snippet:app
type fakeMailer struct{ sent []string }

func (m *fakeMailer) Send(to string) error {
	m.sent = append(m.sent, to)
	return nil
}

func TestSignUp(t *testing.T) {
	mailer := &fakeMailer{}
	a := apptest.New(t, signup.Module,
		apptest.Override[signup.Mailer](mailer), // NewSMTP is not called
		apptest.With(app.WebSockets(ws.New())),
	)
	c := a.DialWS("/")

	if !apptest.Call[bool](c, "sign up", "ada@example.com") {
		t.Error("not signed up")
	}
	if e := c.CallError("sign up", "not an address"); e.Message != "Invalid address" {
		t.Errorf("got %q", e.Message)
	}
	if apptest.Get[signup.Mailer](a) != mailer || len(mailer.sent) != 1 {
		t.Errorf("sent %q", mailer.sent)
	}
}

// end

// snippet:refused
func TestForeignPagesAreRefused(t *testing.T) {
	a := apptest.New(t, signup.Module,
		apptest.Override[signup.Mailer](&fakeMailer{}),
		apptest.With(app.WebSockets(ws.New())),
	)
	header := http.Header{"Origin": {"https://evil.example"}}
	_, err := apptest.TryDialWS(t, a.URL(), apptest.WithHeader(header))

	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok || refused.Status != http.StatusForbidden {
		t.Errorf("got %v", err)
	}
}

// end

// snippet:with
func TestSignUpWithFakes(t *testing.T) {
	outbox := &fakeMailer{}
	a := apptest.New(t, signup.Module,
		apptest.OverrideWith(func(log *slog.Logger) signup.Mailer { // injects what the module sees
			log.Info("no mail is sent")
			return outbox
		}),
		apptest.With(app.WebSockets(ws.New())),
	)
	a.DialWS("/").Call("sign up", "ada@example.com")
	if !slices.Equal(outbox.sent, []string{"ada@example.com"}) {
		t.Errorf("sent %q", outbox.sent)
	}
}

// end

// snippet:time
func TestSilentClientsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := apptest.New(t, signup.Module,
			apptest.InMemory(),
			apptest.Override[signup.Mailer](&fakeMailer{}),
			apptest.With(app.WebSockets(ws.New())),
		)
		c := a.DialWS("/", apptest.WithoutPong(), apptest.WithTimeout(time.Minute))
		started := time.Now()
		c.ExpectClose()
		if after := time.Since(started).Round(time.Second); after != 45*time.Second { // ping interval and ping timeout
			t.Errorf("closed after %v", after)
		}
	})
}

// end
