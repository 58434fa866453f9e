package codec

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Types of the tests that compare plans with the library.
type (
	small struct {
		Seq  int64  `json:"seq"`
		Text string `json:"text"`
	}
	item struct {
		ID    int      `json:"id"`
		Name  string   `json:"name"`
		Price float64  `json:"price"`
		Tags  []string `json:"tags"`
		Done  bool     `json:"done"`
	}
	list    struct{ Items []item }
	numbers struct {
		A int8
		B int16
		C int32
		D int
		E uint8
		F uint16
		G uint32
		H uint
		I uintptr
		J float32
		K float64
	}
	named struct {
		B namedBool
		S namedString
		I namedInt
		U namedUint
		F namedFloat
		L namedList
		M namedMap
	}
	namedBool   bool
	namedString string
	namedInt    int16
	namedUint   uint8
	namedFloat  float32
	namedList   []namedInt
	namedMap    map[namedString]namedInt
	namedBytes  []byte
	namedByte   byte

	folded struct {
		UserID   int    `json:"user_id"`
		Size     string `json:"größe"`
		FullName string `json:"full-name"`
		K        int
	}
	ambiguousNames struct {
		A int `json:"a_b"`
		B int `json:"ab"`
		C int `json:"AB"`
	}
	omits struct {
		A int            `json:"a,omitzero"`
		B string         `json:"b,omitempty"`
		C []int          `json:"c,omitempty"`
		D *small         `json:"d,omitempty"`
		E omitInner      `json:"e,omitempty"` //nolint:modernize // JSON v2 omits what is empty as JSON
		F time.Time      `json:"f,omitzero"`
		G zeroer         `json:"g,omitzero"`
		H any            `json:"h,omitempty"`
		I map[string]int `json:",omitempty,omitzero"`
		J *string        `json:"j,omitempty"`
		K big.Int        `json:"k,omitempty"` //nolint:modernize // as E
		L ptrZeroer      `json:"l,omitzero"`
	}
	omitInner struct {
		X []int `json:"x,omitempty"`
	}
	zeroer    struct{ N int }
	ptrZeroer struct{ N int }
	base      struct {
		BaseID int    `json:"base_id"`
		Note   string `json:"note"`
	}
	Exported struct {
		P string
		Q *int
	}
	embeds struct {
		base
		Own int
		Exported
	}
	embedsPointer struct {
		*Exported
		After int
	}
	embedsBoth struct {
		*embedsPointer
		Exported
	}
	embedsTwice struct {
		*EmbedDeep
		Z int
	}
	EmbedDeep struct {
		*Exported
		W bool
	}
	conflicts struct {
		base
		BaseID int `json:"base_id"`
	}
	withString struct {
		N int     `json:"n,string"`
		F float64 `json:",string"`
	}
	withCase struct {
		Exact string `json:"exact,case:strict"`
		Loose string `json:"loose,case:ignore"`
	}
	quotedName struct {
		A int `json:"'a b'"`
		B int `json:"c d"`
		C int `json:"<&>"`
	}
	badTag struct {
		A int `json:"a,"` //nolint:staticcheck // what the library refuses
	}
	noFields struct{ _ int }
	skipped  struct {
		A int `json:"-"`
		B int
	}
	tree struct {
		Value int
		Left  *tree
		Right *tree
		Kids  []tree
	}
	pointers struct {
		A *int
		B **string
		C *[]int
		D *map[string]*int
		E *any
		F ***bool
	}
	arrays struct {
		A [3]int
		B [0]string
		C [2][2]bool
		D [4]byte
		E [1]*int
		F [2]namedByte
	}
	binaries struct {
		A []byte
		B namedBytes
		C [][]byte
		D []namedByte
		E map[string][]byte
	}
	maps struct {
		A map[string]int
		B map[string]string
		C map[string]any
		D map[string]small
		E map[string]*small
		F map[string][]string
		G map[string]map[string]bool
	}
	oddMaps struct {
		A map[int]string
		B map[textual]int
		C map[bool]int
		D map[float64]int
	}
	interfaces struct {
		A any
		B []any
		C fmt.Stringer
		D io.Reader
		E *any
		F emptyNamed
	}
	emptyNamed any
	times      struct {
		A time.Time
		B *time.Time
		C []time.Time
		D map[string]time.Time
	}
	durations struct {
		D time.Duration
	}
	methods struct {
		A textual
		B *textual
		C jsonned
		D *jsonned
		E []textual
		F map[string]jsonned
		G tokens
		H appender
		I valueText
	}
	library struct {
		A netip.Addr
		B net.IP
		C *big.Int
		D stdjson.RawMessage
		E jsontext.Value
		F url.URL
		G stdjson.Number
	}
	refuses struct {
		A refusing
		B wrapping
	}
	generic[T any] struct {
		Value T   `json:"value"`
		List  []T `json:"list"`
	}
	wide struct {
		A00, A01, A02, A03, A04, A05, A06, A07, A08, A09, A10, A11, A12, A13, A14, A15, A16, A17, A18, A19, A20, A21, A22, A23, A24, A25, A26, A27, A28, A29, A30, A31, A32, A33, A34, A35, A36, A37, A38, A39, A40, A41, A42, A43, A44, A45, A46, A47, A48, A49, A50, A51, A52, A53, A54, A55, A56, A57, A58, A59, A60, A61, A62, A63, A64, A65, A66, A67, A68, A69, A70, A71 int8
	}
	unsupported struct {
		C chan int
	}
	single struct{ P *int }
	bigs   struct{ A [300]int64 }
)

func (z zeroer) IsZero() bool     { return z.N == 7 }
func (z *ptrZeroer) IsZero() bool { return z.N == 7 }

// textual has methods for text; the one that encodes needs an address.
type textual struct{ n int }

func (t *textual) UnmarshalText(text []byte) (err error) {
	t.n, err = strconv.Atoi(strings.TrimPrefix(string(text), "n"))
	return err
}
func (t *textual) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "n%d", t.n), nil }

// valueText has a method that needs no address.
type valueText int

func (t valueText) MarshalText() ([]byte, error) {
	if t == 13 {
		return nil, errors.New("unlucky")
	}
	return fmt.Appendf(nil, "\x01%d\xff\"", int(t)), nil
}
func (t *valueText) UnmarshalText(text []byte) error {
	*t = valueText(len(text))
	return nil
}

type appender struct{ S string }

func (a appender) AppendText(b []byte) ([]byte, error) { return append(b, a.S...), nil }
func (a *appender) UnmarshalText(b []byte) error {
	a.S = string(b)
	return nil
}

// jsonned has methods for JSON.
type jsonned struct{ text string }

func (j *jsonned) UnmarshalJSON(b []byte) error {
	if len(b) > 40 {
		return errors.New("too long")
	}
	j.text = string(b)
	return nil
}

func (j jsonned) MarshalJSON() ([]byte, error) {
	if j.text == "" {
		return []byte(`{ "empty" : true }`), nil
	}
	return []byte(j.text), nil
}

// tokens has methods that read and write tokens.
type tokens struct{ kind string } //nolint:recvcheck // as types with such methods are

func (t *tokens) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.kind = dec.PeekKind().String()
	return dec.SkipValue()
}

func (t tokens) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(t.kind))
}

type refusing struct{}

func (*refusing) UnmarshalText([]byte) error  { return errors.New("never") }
func (refusing) MarshalText() ([]byte, error) { return nil, errors.New("never") }

type wrapping struct{ N int }

func (w *wrapping) UnmarshalJSON(b []byte) error {
	type plain wrapping
	return stdjson.Unmarshal(b, (*plain)(w))
}

// hiddenTag is a struct whose field has a tag but is not exported, which the library refuses, and go vet in source code.
var hiddenTag = reflect.StructOf([]reflect.StructField{{Name: "a", PkgPath: "codec", Type: reflect.TypeFor[int](), Tag: `json:"a"`}})

var testTypes = append([]reflect.Type{
	reflect.TypeFor[small](), reflect.TypeFor[item](), reflect.TypeFor[list](), reflect.TypeFor[numbers](), reflect.TypeFor[named](),
	reflect.TypeFor[folded](), reflect.TypeFor[ambiguousNames](), reflect.TypeFor[omits](), reflect.TypeFor[embeds](),
	reflect.TypeFor[embedsPointer](), reflect.TypeFor[embedsBoth](), reflect.TypeFor[embedsTwice](), reflect.TypeFor[conflicts](),
	reflect.TypeFor[withString](), reflect.TypeFor[withCase](), reflect.TypeFor[quotedName](), reflect.TypeFor[badTag](),
	hiddenTag, reflect.TypeFor[noFields](), reflect.TypeFor[skipped](), reflect.TypeFor[tree](),
	reflect.TypeFor[pointers](), reflect.TypeFor[arrays](), reflect.TypeFor[binaries](), reflect.TypeFor[maps](), reflect.TypeFor[oddMaps](),
	reflect.TypeFor[interfaces](), reflect.TypeFor[times](), reflect.TypeFor[durations](), reflect.TypeFor[methods](),
	reflect.TypeFor[library](), reflect.TypeFor[refuses](), reflect.TypeFor[generic[int]](), reflect.TypeFor[generic[[]generic[string]]](),
	reflect.TypeFor[wide](), reflect.TypeFor[unsupported](), reflect.TypeFor[single](), reflect.TypeFor[bigs](),
	reflect.TypeFor[struct{}](), reflect.TypeFor[any](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](),
	reflect.TypeFor[map[string]string](), reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[uint16](),
	reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[bool](), reflect.TypeFor[[]byte](), reflect.TypeFor[[]string](),
	reflect.TypeFor[[]int](), reflect.TypeFor[[][]float64](), reflect.TypeFor[*small](), reflect.TypeFor[[]*item](),
	reflect.TypeFor[map[string][]small](), reflect.TypeFor[[2]string](), reflect.TypeFor[stdjson.RawMessage](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[[]struct{}](), reflect.TypeFor[**int](), reflect.TypeFor[jsonned](), reflect.TypeFor[textual](),
	reflect.TypeFor[map[int]small](), reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[[1]*int](),
	reflect.TypeFor[chan int](), reflect.TypeFor[complex128](), reflect.TypeFor[func()](),
}, oddTypes...)
