package adapter

// Switch is a boolean field of a platform's options. Its zero value keeps the value from
// before, so that the options of a gateway can turn off what the adapter's defaults have
// turned on.
type Switch uint8

// The values of a Switch.
const (
	// On turns the option on.
	On Switch = iota + 1
	// Off turns the option off.
	Off
)

// String returns "on" or "off", "default" for the zero value, and "invalid" for others.
func (s Switch) String() string {
	switch s {
	case 0:
		return "default"
	case On:
		return "on"
	case Off:
		return "off"
	default:
		return "invalid"
	}
}

// Valid reports whether s is On, Off or the zero value.
func (s Switch) Valid() bool { return s <= Off }
