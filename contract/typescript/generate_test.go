package typescript_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/contract/typescript"
)

// document returns a document with one channel of a platform, whose event "said" has a schema, and with schemas.
func document(platform, payload string, schemas ...string) []byte {
	return fmt.Appendf(nil, `{"asyncapi":"3.0.0","info":{"title":"t */ \n x","version":"1"},
		"servers":{"s":{"host":"h","protocol":"ws","pathname":"/socket.io/","x-gatehouse-platform":%q}},
		"channels":{"c":{"address":"/a-b/{id}","servers":[{"$ref":"#/servers/s"}],"parameters":{"id":{}},
			"messages":{"said.event":{"name":"said","payload":%s}}}},
		"operations":{"o":{"action":"send","channel":{"$ref":"#/channels/c"},"messages":[{"$ref":"#/channels/c/messages/said.event"}]}},
		"components":{"schemas":{%s}}}`, platform, payload, strings.Join(schemas, ","))
}

func generate(t *testing.T, doc []byte, opts ...typescript.Option) (text string, problems []string) {
	t.Helper()
	c, err := typescript.Generate(doc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Problems {
		problems = append(problems, p.String())
	}
	return string(c.Files[0].Text), problems
}

// TestTypes: the type of each form of schema.
func TestTypes(t *testing.T) {
	for schema, want := range map[string]string{
		`{}`:                                                   "unknown",
		`{"type":"string","format":"date"}`:                    "string",
		`{"type":"string","format":"binary"}`:                  "Bytes",
		`{"type":"integer","minimum":0}`:                       "number",
		`{"type":["string","null"]}`:                           "string | null",
		`{"type":["number","integer"]}`:                        "number",
		`{"type":"array","items":{"type":["string","null"]}}`:  "(string | null)[]",
		`{"type":"array","items":{"type":"array","items":{}}}`: "unknown[][]",
		`{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}`:     "[boolean, boolean]",
		`{"type":"array","items":{"type":"boolean"},"minItems":9,"maxItems":9}`:     "boolean[]",
		`{"type":"array","items":[{"type":"string"},{}],"minItems":2,"maxItems":2}`: "[string, unknown]",
		`{"type":"array"}`:  "unknown[]",
		`{"type":"object"}`: "{ [name: string]: unknown }",
		`{"type":"object","additionalProperties":{"type":"number"}}`:                       "{ [name: string]: number }",
		`{"type":"object","properties":{"a-b":{"type":"string"},"c":{}},"required":["c"]}`: `{ "a-b"?: string; c: unknown }`,
		`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{}}`: "{ a?: string; [name: string]: unknown }",
		`{"properties":{"a":{"type":"null"}},"additionalProperties":false}`:                "{ a?: null }",
		`{"enum":["a","b\"\u2028",3,null,true,"a"],"type":"string"}`:                       `"a" | "b\"\u2028" | 3 | null | true`,
		`{"const":7}`: "7",
		`{"anyOf":[{"type":"string"},{"type":"null"}]}`:                                          "string | null",
		`{"anyOf":[{"type":"string"},{}]}`:                                                       "unknown",
		`{"allOf":[{"$ref":"#/components/schemas/one"},{"enum":[1,2]}]}`:                         "One & (1 | 2)",
		`{"type":"array","items":{"type":"object","properties":{"x":{"type":"integer"}}}}`:       "{ x?: number }[]",
		`{"type":"array","items":{"anyOf":[{"$ref":"#/components/schemas/one"},{"const":"x"}]}}`: `(One | "x")[]`,
	} {
		text, problems := generate(t, document("socketio", schema, `"one":{"type":"object","properties":{"n":{"type":"integer"}}}`))
		if !strings.Contains(text, "    said: "+want+";\n") || problems != nil {
			t.Errorf("%s: want %s in\n%s\nproblems %q", schema, want, text, problems)
		}
	}
}

// TestProblems: what has no type is a problem with its place, and never silent.
func TestProblems(t *testing.T) {
	text, problems := generate(t, document("socketio", `{"$ref":"#/components/schemas/one"}`,
		`"one":{"type":"object","properties":{"a":{"not":{}},"b":{"$ref":"#/$defs/x"},"c":{"type":"date"}},"patternProperties":{}}`))
	want := []string{
		"schema one: the keyword patternProperties of JSON Schema has no type: the client ignores it; describe the values in another way",
		"schema one.a: the keyword not of JSON Schema has no type: the client ignores it; describe the values in another way",
		"schema one.b: the reference #/$defs/x is not to a schema of the document: the client accepts any value",
		"schema one.c: JSON has no type date",
	}
	if !slices.Equal(problems, want) {
		t.Errorf("got %q, want %q", problems, want)
	}
	if !strings.Contains(text, "  a?: unknown;\n  b?: unknown;\n  c?: unknown;\n") {
		t.Error(text)
	}

	twice := strings.Replace(string(document("ws", `{"properties":{"data":{"type":"string"}}}`)), `"operations":{`,
		`"operations":{"p":{"action":"send","channel":{"$ref":"#/channels/c"},"messages":[{"$ref":"#/channels/c/messages/other.event"}]},`, 1)
	twice = strings.Replace(twice, `"messages":{"said.event"`, `"messages":{"other.event":{"name":"said","payload":{"properties":{"data":{"type":"integer"}}}},"said.event"`, 1)
	if _, problems := generate(t, []byte(twice)); !slices.Equal(problems, []string{
		`channel c: event "said": it has two forms of data, of which the client has the first: give one another name`,
	}) {
		t.Errorf("got %q", problems)
	}

	mixed := strings.Replace(string(document("ws", `{}`)), `"channels":{`, `"channels":{"m":{"address":"m","servers":[{"$ref":"#/servers/mqtt"}]},`, 1)
	mixed = strings.Replace(mixed, `"servers":{`, `"servers":{"mqtt":{"x-gatehouse-platform":"mqtt"},`, 1)
	if _, problems := generate(t, []byte(mixed)); !slices.Equal(problems, []string{
		"channel m: the client has no runtime for the platform mqtt: the channel is left out",
	}) {
		t.Errorf("got %q", problems)
	}
}

func TestGenerateRefuses(t *testing.T) {
	for want, doc := range map[string]string{
		"typescript: the document: ":                                         `[]`,
		"typescript: the document is not AsyncAPI 3: pass that of package c": `{"openapi":"3.1.0"}`,
		"typescript: the document has no channel for the client: ":           `{"asyncapi":"3.0.0"}`,
	} {
		if _, err := typescript.Generate([]byte(doc)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// TestGateway: the endpoints of one gateway, and what only they use.
func TestGateway(t *testing.T) {
	example, err := os.ReadFile("../../cmd/example/api/asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := generate(t, example, typescript.Gateway("stats.NewGateway"))
	if !strings.Contains(text, `address: "/ws/stats"`) || !strings.Contains(text, `address: "/stats"`) || strings.Contains(text, `/chat"`) || strings.Contains(text, "Message") {
		t.Error(text)
	}
	const want = `typescript: Gateway("chat"): the document has no such gateway here: use one of ["root.NewGateway" "chat.NewGateway" "stats.NewGateway"]`
	if _, err := typescript.Generate(example, typescript.Gateway("chat")); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestNames: endpoints have the name of their address, and of their platform and channel where that is equal to another name.
func TestNames(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(document("ws", `{"properties":{"data":{"$ref":"#/components/schemas/bytes"}}}`, `"bytes":{"type":"object"}`), &doc); err != nil {
		t.Fatal(err)
	}
	channels, _ := doc["channels"].(map[string]any)
	for name, address := range map[string]string{"d": "/a-b/{id}", "e": "/", "f": "/class", "g": "/7"} {
		channels[name] = map[string]any{"address": address, "servers": []any{map[string]any{"$ref": "#/servers/s"}}}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := typescript.Generate(b, typescript.Runtime("../shared/gatehouse.js"))
	if err != nil || len(shared.Files) != 1 || !strings.Contains(string(shared.Files[0].Text), `from "../shared/gatehouse.js";`) {
		t.Errorf("a runtime of another folder: %d files, %v", len(shared.Files), err)
	}
	text, _ := generate(t, b, typescript.Runtime("./gatehouse.ts"), typescript.Platform("ws"))
	for _, want := range []string{
		`from "./gatehouse.ts";`, "// Client of t * / x 1, generated", "export type Bytes2 = ", "export interface C {", "export interface D {",
		"export const root: Endpoint<Root,", "export const class_: Endpoint<Class,", "export const _7: Endpoint<_7,",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func ExampleGenerate() {
	asyncapi, err := os.ReadFile("../testdata/asyncapi.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := typescript.Generate(asyncapi, typescript.Platform("ws"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range c.Files {
		fmt.Println(f.Name)
	}
	fmt.Println(c.Problems)
	// Output:
	// client.ts
	// gatehouse.ts
	// []
}
