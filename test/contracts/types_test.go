package contracts

import (
	stdjson "encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The types of the property test: those that JSON Schema libraries have described wrongly, and those of ordinary messages.
type (
	small struct {
		Seq  int64  `json:"seq"`
		Text string `json:"text"`
	}
	numbers struct {
		A int8
		B int16
		C int32
		D int
		E uint8
		F uint16
		G uint32
		H uint
		I float32
		J float64
	}
	named struct {
		B boolean
		S text
		I short
		L listOf
		M mapOf
	}
	boolean bool
	text    string
	short   int16
	listOf  []short
	mapOf   map[text]short
	omits   struct {
		A int             `json:"a,omitempty"`
		B string          `json:"b,omitempty"`
		C []int           `json:"c,omitempty"`
		D *small          `json:"d,omitempty"`
		E small           `json:"e,omitzero"`
		F time.Time       `json:"f,omitzero"`
		G *int            `json:"g,omitzero"`
		H map[string]bool `json:"h,omitempty"`
		I any             `json:"i,omitempty"`
		J [2]int8         `json:"j,omitempty"`
	}
	pointers struct {
		A *int
		B **string
		C *[]int
		D *small
		E []*small
		F map[string]*bool
	}
	embeds struct {
		Base
		*Other
		Own string `json:"id"`
	}
	Base struct {
		ID   int    `json:"id"`
		Note string `json:"note"`
	}
	Other struct {
		Extra []string `json:"extra"`
		Deep
	}
	Deep  struct{ Level uint8 }
	clash struct { // of two fields Note none counts
		First
		Second
	}
	First struct {
		Note string
		More bool
	}
	Second struct{ Note string }
	rest   struct {
		A    string
		Rest map[string]int8 `json:",embed"`
	}
	quoted struct {
		I int32    `json:"i,string"`
		U *uint16  `json:"u,string"`
		F float64  `json:"f,string"`
		P *float32 `json:"p,string,omitzero"`
	}
	bytesOf struct {
		A []byte
		B [4]byte
		C [][]byte
		D *[3]byte
		E map[string][]byte
	}
	arrays struct {
		A [3]int8
		B [2][2]bool
		C [0]string
		D []namedByte
	}
	namedByte byte
	mapsOf    struct {
		A map[int8]string
		B map[uint16]small
		C map[float64]bool
		D map[string]map[string]int
	}
	tree struct {
		Value int8   `json:"value"`
		Left  *tree  `json:"left"`
		Kids  []tree `json:"kids"`
	}
	lists       []lists
	page[T any] struct {
		Items []T `json:"items"`
		Next  *T  `json:"next,omitzero"`
	}
	times struct {
		A time.Time
		B *time.Time
		C []time.Time
	}
	raw struct {
		A stdjson.RawMessage
		B jsontext.Value
		C any
		D []any
		E map[string]any
	}
	bigs struct {
		A *big.Int
		B big.Int
		C stdjson.Number
	}
	texts struct {
		A netip.Addr
		B *netip.AddrPort
		C upper
		D map[netip.Addr]int8
	}
	upper string
	mood  string
	price struct{ cents int }
	own   struct {
		A mood
		B *mood
		C price
		D []price
	}
	tags struct {
		B string `json:"日本"`
		C int    `json:"a b"`
		D string `json:"<&>"`
		E int    `json:"-"`
		f int    //nolint:unused // not exported
	}
	empty struct{}
)

func (u upper) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(u))), nil }

func (u *upper) UnmarshalText(b []byte) error {
	*u = upper(b)
	return nil
}

func (mood) JSONSchema() jsontext.Value { return jsontext.Value(`{"type":"string"}`) }

func (price) JSONSchema() jsontext.Value {
	return jsontext.Value(`{"type":"integer","minimum":-2147483648,"maximum":2147483647}`)
}
func (p price) MarshalJSON() ([]byte, error)  { return stdjson.Marshal(p.cents) }
func (p *price) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &p.cents) }

// described is a type of the property test.
type described struct {
	typ reflect.Type
	// refuses reports that a method refuses some texts, which a schema does not know.
	refuses bool
}

func is[T any]() described { return described{typ: reflect.TypeFor[T]()} }

var types = []described{
	is[bool](), is[int](), is[uint8](), is[float64](), is[string](), is[any](),
	is[small](), is[numbers](), is[named](), is[omits](), is[pointers](), is[embeds](),
	is[clash](), is[rest](), is[quoted](), is[bytesOf](), is[arrays](), is[mapsOf](),
	is[tree](), is[lists](), is[page[small]](), is[page[page[*tree]]](), is[times](), is[raw](),
	is[own](), is[tags](), is[empty](), is[map[string][]small](),
	{reflect.TypeFor[texts](), true}, {reflect.TypeFor[bigs](), true}, is[*small](), is[[]*omits](), is[[2]string](),
}
