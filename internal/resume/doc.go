// Package resume recovers clients that have lost their connection: it keeps what they were sent
// lately, and what they miss while they are absent. Platforms encode and send; they share what
// is kept, its limits and the way of a client to another node.
package resume
