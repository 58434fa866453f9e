// Package signup is the code of docs/testing.md.
package signup

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Mailer sends mail.
//
// snippet:gateway
type Mailer interface{ Send(to string) error }

type Gateway struct{ mailer Mailer }

func NewGateway(mailer Mailer) *Gateway { return &Gateway{mailer} }

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("sign up", g.SignUp)}
}

func (g *Gateway) SignUp(_ context.Context, address string) (bool, error) {
	if !strings.Contains(address, "@") {
		return false, websockets.NewError("Invalid address")
	}
	return true, g.mailer.Send(address)
}

var Module = module.New("signup",
	module.Providers(module.As[Mailer](NewSMTP), websockets.Gateway(NewGateway)),
)

// end

// SMTP is the real Mailer.
type SMTP struct{}

// NewSMTP makes it.
func NewSMTP() (*SMTP, error) { return nil, errors.New("signup: there is no mail server in a test") }

// Send is never called.
func (*SMTP) Send(string) error { return nil }
