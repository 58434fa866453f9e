package gateway

import "github.com/gatehouse-go/gatehouse/internal/logsample"

// moveFailure is why a client of another node is a new one here.
type moveFailure uint8

const (
	noFailure moveFailure = iota
	failedUnknown
	failedTooMany
	failedRefused
	failedSilent
	failedRooms
	failedMissed
	failedHere
	moveFailures
)

var moveFailureTexts = [moveFailures]string{
	failedUnknown: "no other node is there",
	failedTooMany: "too many clients are on their way to this node, or too many were not found at the others",
	failedRefused: "no other node has it, or it is another client there, or what it has missed is not known",
	failedSilent:  "the other node has not answered in time",
	failedRooms:   "it is in more rooms than this node allows, or its id is here",
	failedMissed:  "the other node has not received in time what this one has, or the client has missed too much",
	failedHere:    "it has missed too much since it came here, or has been cut off again",
}

// failureLogs has a sampler for each failure.
type failureLogs [moveFailures]logsample.Minute

// failed logs that clients are new ones.
func (mv *moves) failed(f moveFailure) {
	if f == noFailure {
		return
	}
	if n := mv.failures[f].Count(); n > 0 {
		mv.rt.log.Info("a client of another node is a new one: "+moveFailureTexts[f], "clients", n)
	}
}
