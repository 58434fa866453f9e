// Package envelope is the native form of messages on the wire, version 1. A frame has the
// messages of one node on one channel:
//
//	2 bytes   "GH"
//	1 byte    version: major (1) in the high half, minor in the low one
//	1 byte    flags; none is known yet
//	8 bytes   the node that sends; 8 zero bytes for an emitter
//	uvarint   the number of the first message; the others follow by one each, 0 for none
//	uvarint   how many messages there are
//	          each: uvarint of its length, 1 byte kind, then fields
//
// A field is a tag of 1 byte, a uvarint of its length, and its bytes. Tags ascend. A message
// with an unknown odd tag is refused, one with an unknown even tag is read without the field:
// so a newer node may add either to what older nodes read.
//
//	 1 endpoints      4 bytes each, big-endian
//	 3 namespace      text
//	 5 rooms          uvarint of the length and text, each
//	 7 except rooms   as 5
//	 9 ids            as 5
//	11 except ids     as 5
//	13 request        8 bytes
//	15 to             8 bytes
//	16 wait           uvarint, milliseconds
//	17 flags          uvarint: 1 volatile, 2 uncompressed, 4 spread, 8 durable, 16 and 32 overflow
//	19 event          text
//	21 JSON           as clients receive it
//	23 attachment     one field each
//	25 rooms          of join and leave, as 5
//	27 body           bytes
//	28 count          uvarint
//	30 trace context  W3C traceparent, 55 characters; left out when it is malformed
//
// The selection is first, so that a node without a selected client skips the rest unread.
package envelope
