package codec

import (
	"math"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// number reads a number.
func (r *reader) number() (raw []byte, ok bool) {
	end := jsonscan.Number(r.text, r.at)
	if end < 0 {
		return nil, false
	}
	raw = r.text[r.at:end]
	r.at = end
	return raw, true
}

// digits reads a whole number without a sign.
func (r *reader) digits() (v uint64, ok bool) {
	b, i := r.text, r.at
	from := i
	for ; i < len(b) && b[i]-'0' < 10; i++ {
		v = v*10 + uint64(b[i]-'0')
	}
	n := i - from
	if n == 0 || n > 1 && b[from] == '0' {
		return 0, false
	}
	if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
		return 0, false // not whole
	}
	const most = 20 // digits of the largest uint64
	if n > most || n == most && (b[from] != '1' || v < 1e19) {
		return 0, false
	}
	r.at = i
	return v, true
}

func (r *reader) int(n *node, p ptr) bool {
	if r.next() == 'n' {
		return r.word("null")
	}
	neg := r.next() == '-'
	if neg {
		r.at++
	}
	v, ok := r.digits()
	limit := uint64(1) << (n.bits - 1)
	if !ok || v > limit || v == limit && !neg {
		return false
	}
	i := int64(v)
	if neg {
		i = -i
	}
	switch n.bits {
	case 8:
		*as[int8](p) = int8(i)
	case 16:
		*as[int16](p) = int16(i)
	case 32:
		*as[int32](p) = int32(i)
	default:
		*as[int64](p) = i
	}
	return true
}

func (r *reader) uint(n *node, p ptr) bool {
	if r.next() == 'n' {
		return r.word("null")
	}
	v, ok := r.digits()
	if !ok || v > math.MaxUint64>>(64-n.bits) {
		return false
	}
	switch n.bits {
	case 8:
		*as[uint8](p) = uint8(v)
	case 16:
		*as[uint16](p) = uint16(v)
	case 32:
		*as[uint32](p) = uint32(v)
	default:
		*as[uint64](p) = v
	}
	return true
}

func (r *reader) float(n *node, p ptr) bool {
	if r.next() == 'n' {
		return r.word("null")
	}
	f, ok := r.parseFloat(n.bits)
	if !ok {
		return false
	}
	if n.bits == 32 {
		*as[float32](p) = float32(f)
	} else {
		*as[float64](p) = f
	}
	return true
}

func (r *reader) parseFloat(bits int) (float64, bool) {
	if bits == 64 {
		if f, end := r.shortFloat(); end > 0 {
			r.at = end
			return f, true
		}
	}
	raw, ok := r.number()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(unalias(raw), bits)
	return f, err == nil
}

// maxDigits is how many decimal digits a float64 holds in any case: other numbers of so many digits are other values.
const maxDigits = 15

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat returns a number of few digits without an exponent, and the index after it; 0 for others. A whole number and a power
// of ten are exact, so their quotient is the nearest float64.
func (r *reader) shortFloat() (f float64, end int) {
	b, i := r.text, r.at
	neg := i < len(b) && b[i] == '-'
	if neg {
		i++
	}
	from, point, v := i, 0, uint64(0)
	for ; i < len(b) && i-from <= maxDigits; i++ {
		c := b[i]
		if c == '.' && point == 0 {
			point = i + 1
			continue
		}
		if c-'0' > 9 {
			break
		}
		v = v*10 + uint64(c-'0')
	}
	whole := i - from
	if point > 0 {
		whole = point - 1 - from
	}
	if i == len(b) || i-from > maxDigits || b[i]-'0' < 10 || b[i]|0x20 == 'e' || b[i] == '.' ||
		whole == 0 || whole > 1 && b[from] == '0' || point == i {
		return 0, 0
	}
	f = float64(v)
	if point > 0 {
		f /= powers[i-point]
	}
	if neg {
		f = -f
	}
	return f, i
}

// appendShort appends a number that has at most two decimals; ok is false for others. It is the shortest text that means the
// number, since another one of so few digits would be another number.
func appendShort(dst []byte, f float64) (b []byte, ok bool) {
	if whole := int64(f); float64(whole) == f && whole != 0 {
		return appendInt(dst, whole), true
	}
	cents := int64(math.Round(f * 100))
	if float64(cents)/100 != f || cents == 0 {
		return dst, false
	}
	if cents < 0 {
		dst, cents = append(dst, '-'), -cents
	}
	dst = append(appendInt(dst, cents/100), '.', byte('0'+cents/10%10))
	if c := cents % 10; c != 0 {
		dst = append(dst, byte('0'+c))
	}
	return dst, true
}

// appendFloat appends a number as JavaScript writes it, except for -0.
func appendFloat(dst []byte, f float64, bits int) []byte {
	const most = 1e13 // with two decimals it has maxDigits
	if bits == 64 && f < most && f > -most {
		if b, ok := appendShort(dst, f); ok {
			return b
		}
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 {
		if bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) {
			format = 'e'
		}
	}
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	if n := len(dst); format == 'e' && n >= 4 && string(dst[n-4:n-1]) == "e-0" {
		dst[n-2] = dst[n-1] // e-09 is e-9
		dst = dst[:n-1]
	}
	return dst
}
