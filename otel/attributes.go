package otel

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"

	"github.com/gatehouse-go/gatehouse/observe"
)

// attributeSets are those of all metrics.
type attributeSets struct {
	endpoints   sets[place]
	clients     sets[transportKey]
	connections sets[connectionKey]
	handshakes  sets[failureKey]
	refusals    sets[refusalKey]
	recoveries  sets[recoveryKey]
	received    sets[eventKey]
	handlers    sets[callKey]
	streams     sets[string]
	events      sets[string]
	dropped     sets[dropKey]
	calls       sets[errorKey]
	reasons     sets[string]
	outcomes    sets[string]
	requests    sets[requestKey]

	receive, transmit *attributes
}

// place is an endpoint in attributes: a namespace where there are namespaces, otherwise a path.
type place struct{ platform, endpoint string }

func placeOf(e observe.Endpoint) place {
	if e.Namespace != "" {
		return place{e.Platform, e.Namespace}
	}
	return place{e.Platform, e.Path}
}

// placeOfAttempt returns the declared place of an attempt; where no gateway is at its path, that is "_other".
func placeOfAttempt(a observe.Attempt) place {
	if a.Platform == "" {
		return place{other, other}
	}
	return placeOf(observe.Endpoint{Platform: a.Platform, Path: a.Path, Namespace: a.Endpoint})
}

func (p place) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{keyPlatform.String(p.platform), keyEndpoint.String(p.endpoint)}
}

// The keys of attribute sets.
type (
	transportKey struct {
		place

		transport string
	}
	connectionKey struct {
		transportKey

		reason string
	}
	failureKey struct {
		place

		err string
	}
	refusalKey struct {
		failureKey

		stage  string
		status int
	}
	callKey  struct{ gateway, event, err string }
	eventKey struct {
		place

		event string
	}
	recoveryKey struct {
		place

		outcome string
	}
	dropKey    struct{ event, reason string }
	errorKey   struct{ event, err string }
	requestKey struct{ request, outcome string }
)

// describe sets how attribute sets are made.
func (s *attributeSets) describe() {
	s.endpoints.make = place.attributes
	s.clients.make = func(k transportKey) []attribute.KeyValue {
		return append(k.attributes(), keyTransport.String(k.transport))
	}
	s.connections.make = func(k connectionKey) []attribute.KeyValue {
		return append(k.attributes(), keyTransport.String(k.transport), keyReason.String(k.reason))
	}
	s.handshakes.make = func(k failureKey) []attribute.KeyValue { return withError(k.err, k.attributes()...) }
	s.refusals.make = func(k refusalKey) []attribute.KeyValue {
		return withError(k.err, append(k.attributes(), keyStage.String(k.stage), keyStatus.Int(k.status))...)
	}
	s.recoveries.make = func(k recoveryKey) []attribute.KeyValue { return append(k.attributes(), keyOutcome.String(k.outcome)) }
	s.received.make = func(k eventKey) []attribute.KeyValue { return append(k.attributes(), keyEvent.String(k.event)) }
	s.handlers.make = func(k callKey) []attribute.KeyValue {
		return withError(k.err, keyRPCSystem.String(system), keyRPCMethod.String(method(k.gateway, k.event)))
	}
	s.streams.make = only(keyRPCMethod)
	s.events.make = only(keyEvent)
	s.dropped.make = func(k dropKey) []attribute.KeyValue {
		return []attribute.KeyValue{keyEvent.String(k.event), keyReason.String(k.reason)}
	}
	s.calls.make = func(k errorKey) []attribute.KeyValue { return withError(k.err, keyEvent.String(k.event)) }
	s.reasons.make = only(keyReason)
	s.outcomes.make = only(keyOutcome)
	s.requests.make = func(k requestKey) []attribute.KeyValue {
		return []attribute.KeyValue{keyRequest.String(k.request), keyOutcome.String(k.outcome)}
	}
	s.receive, s.transmit = newAttributes(keyDirection.String(receive)), newAttributes(keyDirection.String(transmit))
}

// only returns a function for sets of one attribute.
func only(key attribute.Key) func(string) []attribute.KeyValue {
	return func(v string) []attribute.KeyValue { return []attribute.KeyValue{key.String(v)} }
}

// withError adds the type of an error; "" is none.
func withError(err string, all ...attribute.KeyValue) []attribute.KeyValue {
	if err == "" {
		return all
	}
	return append(slices.Clip(all), keyErrorType.String(err))
}

// method returns the rpc.method of a handler.
func method(gateway, event string) string {
	switch {
	case gateway == "":
		return other
	case event == "": // of a websockets.Fallback
		return gateway + "/" + other
	}
	return gateway + "/" + event
}
