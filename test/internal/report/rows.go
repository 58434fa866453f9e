package main

// section is a part of the page.
type section struct {
	title       string
	kind        string
	first, last int
}

// sections are all rows of bad inputs and faults.
var sections = []section{
	{"Security reports against other servers", "V", 1, 37},
	{"Handshake", "F", 1, 19},
	{"Frames", "F", 20, 33},
	{"Engine.IO", "F", 34, 48},
	{"Socket.IO", "F", 49, 61},
	{"Handlers", "F", 62, 68},
	{"Life cycle and resources", "F", 69, 76},
	{"Distributed", "F", 77, 86},
	{"Seen in the field: life cycle and memory", "X", 1, 13},
	{"Seen in the field: access", "X", 14, 24},
	{"Seen in the field: logs", "X", 25, 30},
	{"Seen in the field: data", "X", 31, 42},
	{"Seen in the field: modules", "X", 43, 58},
	{"Seen in the field: HTTP and interoperability", "X", 59, 73},
}

// untested is a row without a test.
type untested struct {
	text   string // what happens
	reason string // why it has no test
}

const (
	noCluster = "adapters between nodes do not exist yet"
	open      = "open"
)

// exceptions are the rows without a test. A row with a test must not be listed here.
var exceptions = map[row]untested{
	{"F", 77}: {"Redis is down at the start, crashes, restarts, fails over, or does not answer for 30 s.", noCluster},
	{"F", 78}: {"Redis is slow.", noCluster},
	{"F", 79}: {"Entries of the stream between nodes are duplicated, out of order or missing.", noCluster},
	{"F", 80}: {"The stream is trimmed past a client's offset.", noCluster},
	{"F", 81}: {"Another node sends malformed messages, or messages of an unknown type.", noCluster},
	{"F", 82}: {"A node is killed while others ask it for its clients.", noCluster},
	{"F", 83}: {"Two nodes have the same id.", noCluster},
	{"F", 84}: {"The cluster splits, and rejoins.", noCluster},
	{"F", 85}: {"Nodes of one cluster use different versions.", noCluster},
	{"F", 86}: {"A node reads NATS too slowly.", noCluster},
	{"X", 5}:  {"Dropping the oldest message of a full send queue iterates over the whole queue, for each message.", open},
	{"X", 6}:  {"Recovery copies the whole record of a client with each event once the record is full, and holds more than it counts.", open},
	{"X", 7}:  {"Short connections of one address evict all others from the recovery store.", open},
	{"X", 10}: {"A few bytes of an unfinished message hold 4 KiB for a minute.", open},
	{"X", 12}: {"Handlers that ignore their context keep a goroutine for each message of a disconnected client.", open},
	{"X", 13}: {"A compressed list of empty objects decodes into hundreds of megabytes of structs.", open},
	{"X", 17}: {"A guard that decodes into json.RawMessage keeps pooled memory, which later contains another client's bytes.", open},
	{"X", 18}: {"An interceptor that calls next after it has returned runs the handler on pooled memory.", open},
	{"X", 20}: {"MessageTimeout of a POST has no effect behind a ResponseWriter without Unwrap.", open},
	{"X", 21}: {"web.Static follows symbolic links out of os.DirFS, and answers 500 for links out of an os.Root.", open},
	{"X", 22}: {"The cookie of Socket.IO has neither HttpOnly nor an option for Secure.", open},
	{"X", 23}: {"Origins are compared as text: a default port, a blank or a name in another script never match.", open},
	{"X", 24}: {"Frame lengths that are not minimal are accepted (RFC 6455 section 5.2).", open},
	{"X", 26}: {"A client that leaves while HandleConnection runs is logged as an error, with the wrong cause.", open},
	{"X", 27}: {"A refused origin, an unknown namespace and a wrong path are not logged.", open},
	{"X", 28}: {"The stack of a panic is one escaped line, without an attribute for the place.", open},
	{"X", 29}: {"Log calls have no context.", open},
	{"X", 30}: {"Running out of file descriptors is logged at debug only.", open},
	{"X", 32}: {"Half a surrogate pair is refused as invalid JSON, and a string that ends inside a rune fails the whole event.", open},
	{"X", 34}: {"Binary in base64 over WebSocket (forceBase64) ends the connection.", open},
	{"X", 35}: {"A volatile event breaks the client's next recovery.", open},
	{"X", 36}: {"NaN in MessagePack ends the connection, and MaxAttachments does not apply there.", open},
	{"X", 38}: {"Payload types that cannot be encoded are reported with the first message instead of at the start.", open},
	{"X", 39}: {"Details of an error that cannot be encoded are dropped without a log line.", open},
	{"X", 40}: {"A call whose answer is a Payload compiles and always fails.", open},
	{"X", 41}: {"JSON differs from encoding/json, and no page documents how.", open},
	{"X", 44}: {"fx.Shutdowner can be injected and has no effect.", open},
	{"X", 45}: {"Start and stop wait for hooks and constructors that ignore their context.", open},
	{"X", 46}: {"A method with a hook's name and another form is ignored.", open},
	{"X", 47}: {"A gateway's constructor that is not registered with websockets.Gateway is silently not served.", open},
	{"X", 48}: {"A Server field without its tag, or a gateway by value, panics with the first emit.", open},
	{"X", 49}: {"app.Validate checks no gateway that is served by Via alone.", open},
	{"X", 50}: {"Hooks are called on nil providers.", open},
	{"X", 51}: {"fx.Annotate causes the wrong hint, and a cleanup function is accepted and never called.", open},
	{"X", 52}: {"app.BodyTimeout has no effect with app.Mounted.", open},
	{"X", 53}: {"app.HTTP with an empty address listens on a random port on all interfaces.", open},
	{"X", 54}: {"The hint for two modules that depend on each other causes an initialization cycle.", open},
	{"X", 55}: {"Resources that a constructor opened are not closed if a later one fails.", open},
	{"X", 59}: {"A handler mounted below a path of chi does not serve its gateways.", open},
	{"X", 61}: {"Answers over HTTP/2 have the headers Upgrade and Connection.", open},
	{"X", 62}: {"The timeout of idle connections cannot be set.", open},
	{"X", 63}: {"A compressed body on a JSON route is answered 400 instead of 415.", open},
	{"X", 64}: {"The fallback of a single-page application answers unknown API routes with its page.", open},
	{"X", 65}: {"The example prints an address that does not exist.", open},
	{"X", 66}: {"On Socket.IO each failure is sent twice, without an option.", open},
	{"X", 67}: {"An error in an ack differs from a result only in its form.", open},
	{"X", 68}: {"Clients that reconnect at a drain reach the process that is being drained.", open},
	{"X", 69}: {"Close code 1008 means both too slow and refused.", open},
	{"X", 70}: {"Some sentences of the documentation are false.", open},
	{"X", 73}: {"A POST over MaxMessage is sometimes answered 400 instead of 413.", open},
}
