package codec

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Types that are rare, or that have broken JSON libraries.
type (
	// Embedding: names at several depths, unexported and named embedded structs, methods that come from an embedded type.
	deepBase  struct{ A, B, C int }
	Middle    struct{ deepBase }
	sameDepth struct{ A, X int }
	ambiguous struct {
		Middle
		sameDepth
	} //nolint:gofumpt // short
	shallowWins struct {
		Middle
		A string
	}
	taggedWins struct {
		deepBase
		sameDepth
		T string `json:"A"`
	}
	hiddenPointer struct {
		*deepBase
		Z int
	}
	namedEmbedded struct {
		Middle   `json:"middle"`
		Exported `json:",omitempty"` //nolint:modernize // JSON v2 omits what is empty as JSON
	}
	selfEmbedded struct {
		*selfEmbedded //nolint:unused // it is embedded
		A             int
	}
	embedsTime struct {
		time.Time
		A int
	}
	embedsText struct {
		valueText
		A int
	}
	embedsInterface struct {
		fmt.Stringer
		A int
	}
	embedsMap struct {
		namedMap //nolint:unused // as above
		A        int
	}
	EmbedTwoLevels struct{ Middle *Middle }
	embedsGeneric  struct {
		generic[int]
		A int `json:"a"`
	}
	fourLevels struct{ Level1 }
	Level1     struct{ *Level2 }
	Level2     struct {
		Level3
		N int
	}
	Level3 struct{ *Exported }

	// Tags.
	tags struct {
		A int            `json:"-,"` //nolint:staticcheck // not what it looks like
		B int            `json:",omitempty"`
		C *int           `json:"c,omitzero,omitempty"`
		D map[string]int `json:"d,omitzero"`
		E [0]int         `json:"e,omitempty"`
		F []byte         `json:"f,omitempty"`
		G struct{}       `json:"g,omitempty"` //nolint:modernize // JSON v2 omits what is empty as JSON
		H any            `json:"h,omitzero"`
		I string         `json:"日本,omitempty"`
		J int            `json:"a b"`
		K [2]byte        `json:"k,omitzero"`
	}
	allStrings struct {
		A int8           `json:"a,string"`
		B []int          `json:"b,string"` //nolint:staticcheck // has no effect
		C map[string]int `json:"c,string"` //nolint:staticcheck // has no effect
		D string         `json:"d,string"`
		E *float64       `json:"e,string"`
		F bool           `json:"f,string"`
	}
	unknownOption struct {
		A int `json:"a,inline"`
		B int `json:"b,more"` //nolint:staticcheck // that does not exist
	}
	embedOption struct {
		A    int
		Rest map[string]int `json:",embed"`
	}
	embedText struct {
		A    int
		Rest jsontext.Value `json:",embed"`
	}
	embedStruct struct {
		In small `json:",embed"`
		B  int
	}
	twoRests struct {
		A map[string]int `json:",embed"`
		B map[string]any `json:",embed"`
	}
	formats struct {
		A time.Time     `json:"a,format:unix"`
		B time.Duration `json:"b,format:units"`
		C []byte        `json:"c,format:hex"`
	}
	mixedCase struct {
		A int `json:"ab"`
		B int `json:"AB,case:strict"`
		C int `json:"a_b,case:ignore"`
	}
	kelvin struct {
		K    int
		Size int    `json:"size"`
		S    string `json:"ſ"`
	}
	dashes struct {
		A int `json:"__"`
		B int `json:"x-"`
	}

	// Maps and their keys.
	keys struct {
		A map[int8]string
		B map[uint64]int
		C map[float32]int
		D map[valueText]int
		E map[netip.Addr]int
		F map[time.Time]int
		G map[[2]byte]int
		H map[namedUint]*int
		I map[any]int
		J map[textKey]int
		K map[bool]string
	}
	textKey       string
	emptyElems    struct{ A map[string]struct{} }
	recursiveMap  map[string]recursiveMap
	recursiveList []recursiveList
	bigElems      struct {
		A map[string][200]byte
		B map[string]bigs
		C map[int]small
	}
	mapPointers struct {
		A *map[string]int
		B map[string]*map[string]*int
		C []map[string]any
		D [2]map[string]string
	}

	// Methods by value and by pointer, alone and together.
	valueJSON struct{ S string }
	bothForms struct{ N int }
	onlyTo    struct{ N int }
	onlyFrom  struct{ N int }
	textSlice []string
	textMap   map[string]int
	jsonFunc  func()
	option    struct{ V any } //nolint:recvcheck // as types with such methods are
	fresh     struct{ V interfaces }
	placed    struct {
		A valueJSON
		B *valueJSON
		C []valueJSON
		D map[string]valueJSON
		E map[string]*bothForms
		F [2]bothForms
		G **valueJSON
		H onlyTo
		I onlyFrom
		J textSlice
		K textMap
		L any
	}
	methodInterface struct {
		A stdjson.Marshaler
		B any
		C error
	}
	options struct {
		A option
		B *option
		C []option
		D map[string]option
	}

	// Memory: types of one word, of no size, and of much.
	oneWord struct {
		_ struct{}
		P *int
	}
	oneWordArray struct {
		Z [0]int
		P [1]*small
	}
	oneMap    struct{ M map[string]int }
	oneFunc   struct{ F func() }
	nothing   struct{ A, B struct{} }
	longArray [70]small
	columns   struct {
		A [2][3]*int
		B [][]byte
		C [][2]string
		D *[]*[]*int
		E [0]*int
		F [3]namedBytes
	}
	bytesOf struct {
		A [4]byte
		B *[]byte
		C *[4]byte
		D map[string]namedBytes
		E []any
		F any
		G namedBytes
		H [0]byte
		I stdjson.RawMessage
		J net.IP
	}
	numbersOf struct {
		A *big.Float
		B stdjson.Number
		C []stdjson.Number
		D *uint64
		E [2]float32
		F *float64
	}
	errorField struct{ Err error }
)

func (k textKey) MarshalText() ([]byte, error) { return []byte("k" + string(k)), nil }
func (k *textKey) UnmarshalText(b []byte) error {
	*k = textKey(strings.TrimPrefix(string(b), "k"))
	return nil
}

func (v valueJSON) MarshalJSON() ([]byte, error) { return stdjson.Marshal(v.S) }
func (v *valueJSON) UnmarshalJSON(b []byte) error {
	v.S = string(b)
	return nil
}

func (b *bothForms) MarshalText() ([]byte, error) { return []byte("text"), nil }
func (b *bothForms) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, " [ %d ] ", b.N), nil }
func (b *bothForms) UnmarshalText([]byte) error   { return errors.New("not this") }
func (b *bothForms) UnmarshalJSON(t []byte) error {
	b.N = len(t)
	return nil
}

func (o onlyTo) MarshalJSONTo(enc *jsontext.Encoder) error {
	if o.N == 13 {
		return errors.New("unlucky")
	}
	return json.MarshalEncode(enc, map[string]any{"n": o.N, "b": []byte{1}})
}

func (o *onlyFrom) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	o.N = len(v)
	return err
}

func (s textSlice) MarshalText() ([]byte, error) { return []byte(strings.Join(s, "|")), nil }
func (s *textSlice) UnmarshalText(b []byte) error {
	*s = strings.Split(string(b), "|")
	return nil
}

func (m textMap) AppendText(b []byte) ([]byte, error) { return fmt.Appendf(b, "%d", len(m)), nil }

func (jsonFunc) MarshalJSON() ([]byte, error) { return []byte(`"f"`), nil }

// UnmarshalJSONFrom makes a decoder of its own.
func (f *fresh) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &f.V, dec.Options())
}

func (o *option) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return json.UnmarshalDecode(dec, &o.V)
}
func (o option) MarshalJSONTo(enc *jsontext.Encoder) error { return json.MarshalEncode(enc, o.V) }

var oddTypes = []reflect.Type{
	reflect.TypeFor[Middle](), reflect.TypeFor[ambiguous](), reflect.TypeFor[shallowWins](), reflect.TypeFor[taggedWins](),
	reflect.TypeFor[hiddenPointer](), reflect.TypeFor[namedEmbedded](), reflect.TypeFor[selfEmbedded](), reflect.TypeFor[embedsTime](),
	reflect.TypeFor[embedsText](), reflect.TypeFor[embedsInterface](), reflect.TypeFor[embedsMap](), reflect.TypeFor[EmbedTwoLevels](),
	reflect.TypeFor[embedsGeneric](), reflect.TypeFor[fourLevels](), reflect.TypeFor[[]fourLevels](),
	reflect.TypeFor[tags](), reflect.TypeFor[allStrings](), reflect.TypeFor[unknownOption](), reflect.TypeFor[embedOption](),
	reflect.TypeFor[embedText](), reflect.TypeFor[embedStruct](), reflect.TypeFor[twoRests](), reflect.TypeFor[formats](),
	reflect.TypeFor[mixedCase](), reflect.TypeFor[kelvin](), reflect.TypeFor[dashes](),
	reflect.TypeFor[keys](), reflect.TypeFor[emptyElems](), reflect.TypeFor[recursiveMap](), reflect.TypeFor[recursiveList](),
	reflect.TypeFor[bigElems](), reflect.TypeFor[mapPointers](),
	reflect.TypeFor[placed](), reflect.TypeFor[methodInterface](), reflect.TypeFor[options](), reflect.TypeFor[option](), reflect.TypeFor[fresh](), reflect.TypeFor[[]fresh](),
	reflect.TypeFor[valueJSON](), reflect.TypeFor[[]bothForms](), reflect.TypeFor[jsonFunc](),
	reflect.TypeFor[oneWord](), reflect.TypeFor[oneWordArray](), reflect.TypeFor[oneMap](), reflect.TypeFor[oneFunc](),
	reflect.TypeFor[nothing](), reflect.TypeFor[longArray](), reflect.TypeFor[columns](), reflect.TypeFor[bytesOf](),
	reflect.TypeFor[[]bytesOf](), reflect.TypeFor[numbersOf](), reflect.TypeFor[errorField](), reflect.TypeFor[emptyNamed](),
	reflect.TypeFor[[]oddListOf](), reflect.TypeFor[map[string][]withString](),
}

// oddListOf is a type with elements that the library decodes.
type oddListOf struct {
	ID    int    `json:"id,string"`
	Items []item `json:"items"`
	Any   any    `json:"any"`
}
