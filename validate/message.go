package validate

import (
	"reflect"
	"strings"
	"time"
)

// unit is the unit of a rule about size.
type unit struct {
	noun   string // "character", "item", "byte"; empty if the value itself is compared
	isTime bool   // a point in time
}

func unitOf(kind reflect.Kind, t reflect.Type) unit {
	if t != nil && t.Kind() == reflect.Pointer { // a nil pointer
		t = indirect(t)
		kind = t.Kind()
	}
	switch kind {
	case reflect.String:
		return unit{noun: "character"}
	case reflect.Slice, reflect.Array:
		if t != nil && t.Elem().Kind() == reflect.Uint8 {
			return unit{noun: "byte"}
		}
		return unit{noun: "item"}
	case reflect.Map:
		return unit{noun: "item"}
	case reflect.Struct:
		return unit{isTime: t != nil && isTime(t)}
	default:
		return unit{}
	}
}

// count returns "3 characters", or "3".
func (u unit) count(n string) string {
	switch {
	case u.noun == "":
		return n
	case n == "1":
		return n + " " + u.noun
	default:
		return n + " " + u.noun + "s"
	}
}

// message returns the English message that follows the field's name, or "" if the rule
// has none.
func message(rule, param string, u unit) string {
	if text := sizeMessage(rule, param, u); text != "" {
		return text
	}
	if text := fieldMessage(rule, param, u); text != "" {
		return text
	}
	if text := stringMessage(rule, param); text != "" {
		return text
	}
	return fixedMessages[rule]
}

// sizeMessage returns the message of a rule about length or value.
func sizeMessage(rule, param string, u unit) string {
	if u.isTime && param == "" {
		return timeMessages[rule]
	}
	if param == "" {
		return ""
	}
	counted, amount := u.noun != "", u.count(param)
	pick := func(ifCounted, otherwise string) string {
		if counted {
			return ifCounted + " " + amount
		}
		return otherwise + " " + amount
	}
	switch rule {
	case "len":
		return pick("must have exactly", "must be exactly")
	case "min", "gte":
		return pick("must have at least", "must be at least")
	case "max", "lte":
		return pick("may have at most", "may be at most")
	case "gt":
		return pick("must have more than", "must be more than")
	case "lt":
		return pick("must have fewer than", "must be less than")
	case "eq":
		if u.noun == "item" || u.noun == "byte" {
			return "must have exactly " + amount
		}
		return "must be " + param
	case "ne":
		if u.noun == "item" || u.noun == "byte" {
			return "must not have exactly " + amount
		}
		return "must not be " + param
	case "eq_ignore_case":
		return "must be " + param
	case "ne_ignore_case":
		return "must not be " + param
	default:
		return ""
	}
}

var timeMessages = map[string]string{
	"gt": "must be in the future", "gte": "must not be in the past", "min": "must not be in the past",
	"lt": "must be in the past", "lte": "must not be in the future", "max": "must not be in the future",
}

// fieldMessage returns the message of a rule that names other fields.
func fieldMessage(rule, param string, u unit) string {
	if param == "" {
		return ""
	}
	all := strings.Join(splitParam(param), ", ")
	switch strings.Replace(rule, "csfield", "field", 1) {
	case "eqfield":
		return "must be equal to " + param
	case "nefield":
		return "must not be equal to " + param
	case "gtfield":
		if u.isTime {
			return "must be after " + param
		}
		return "must be more than " + param
	case "gtefield":
		if u.isTime {
			return "must not be before " + param
		}
		return "must be at least " + param
	case "ltfield":
		if u.isTime {
			return "must be before " + param
		}
		return "must be less than " + param
	case "ltefield":
		if u.isTime {
			return "must not be after " + param
		}
		return "may be at most " + param
	case "fieldcontains":
		return "must contain the value of " + param
	case "fieldexcludes":
		return "must not contain the value of " + param
	case "unique":
		return "must not have two items with the same " + param
	case "required_if":
		return "is required if " + pairs(param)
	case "required_unless":
		return "is required unless " + pairs(param)
	case "excluded_if":
		return "must be left out if " + pairs(param)
	case "excluded_unless":
		return "must be left out unless " + pairs(param)
	case "required_with":
		return "is required if " + orList(param) + " is set"
	case "required_with_all":
		return "is required if all of these are set: " + all
	case "required_without":
		return "is required if " + orList(param) + " is not set"
	case "required_without_all":
		return "is required if none of these is set: " + all
	case "excluded_with":
		return "must be left out if " + orList(param) + " is set"
	case "excluded_with_all":
		return "must be left out if all of these are set: " + all
	case "excluded_without":
		return "must be left out if " + orList(param) + " is not set"
	case "excluded_without_all":
		return "must be left out if none of these is set: " + all
	default:
		return ""
	}
}

func orList(param string) string { return strings.Join(splitParam(param), " or ") }

// pairs turns "kind video size 3" into "kind is video and size is 3".
func pairs(param string) string {
	parts := splitParam(param)
	var texts []string
	for i := 0; i+1 < len(parts); i += 2 {
		texts = append(texts, parts[i]+" is "+strings.ReplaceAll(parts[i+1], "'", ""))
	}
	return strings.Join(texts, " and ")
}

// stringMessage returns the message of a rule about strings that quotes its parameter.
func stringMessage(rule, param string) string {
	if param == "" {
		return ""
	}
	switch rule {
	case "oneof", "oneofci":
		return "must be one of: " + values(param)
	case "noneof", "noneofci":
		return "must not be one of: " + values(param)
	case "contains", "containsrune":
		return "must contain " + param
	case "containsany":
		return "must contain one of these characters: " + param
	case "excludes", "excludesrune":
		return "must not contain " + param
	case "excludesall":
		return "must not contain any of these characters: " + param
	case "startswith":
		return "must start with " + param
	case "endswith":
		return "must end with " + param
	case "startsnotwith":
		return "must not start with " + param
	case "endsnotwith":
		return "must not end with " + param
	case "datetime":
		return "must be a date or time such as " + exampleTime(param)
	default:
		return ""
	}
}

// exampleTime formats an example time. Only Go programmers understand a layout.
func exampleTime(layout string) string {
	return time.Date(2030, time.December, 31, 18, 30, 0, 0, time.UTC).Format(layout)
}

func values(param string) string {
	return strings.ReplaceAll(strings.Join(splitParam(param), ", "), "'", "")
}

var fixedMessages = map[string]string{
	"required":  "is required",
	"isdefault": "must be left out",
	"unique":    "must not have the same item twice",

	"required_if": "is required here", "required_unless": "is required here",
	"required_with": "is required here", "required_with_all": "is required here",
	"required_without": "is required here", "required_without_all": "is required here",
	"excluded_if": "must be left out here", "excluded_unless": "must be left out here",
	"excluded_with": "must be left out here", "excluded_with_all": "must be left out here",
	"excluded_without": "must be left out here", "excluded_without_all": "must be left out here",

	"alpha":           "may have letters from a to z only",
	"alphaspace":      "may have letters from a to z and spaces only",
	"alphanum":        "may have letters from a to z and digits only",
	"alphanumspace":   "may have letters from a to z, digits and spaces only",
	"alphaunicode":    "may have letters only",
	"alphanumunicode": "may have letters and digits only",
	"ascii":           "may have ASCII characters only",
	"printascii":      "may have printable ASCII characters only",
	"lowercase":       "must be in lower case",
	"uppercase":       "must be in upper case",
	"numeric":         "must be a number",
	"number":          "may have digits only",
	"boolean":         "must be true or false",
	"hexadecimal":     "must be hexadecimal",

	"email":     "must be an email address",
	"e164":      "must be a phone number such as +14155550123",
	"url":       "must be a URL",
	"http_url":  "must be a URL with http or https",
	"https_url": "must be a URL with https",
	"uri":       "must be a URI",

	"uuid": "must be a UUID", "uuid_rfc4122": "must be a UUID",
	"uuid3": "must be a UUID of version 3", "uuid3_rfc4122": "must be a UUID of version 3",
	"uuid4": "must be a UUID of version 4", "uuid4_rfc4122": "must be a UUID of version 4",
	"uuid5": "must be a UUID of version 5", "uuid5_rfc4122": "must be a UUID of version 5",
	"ulid": "must be a ULID",

	"ip": "must be an IP address", "ipv4": "must be an IPv4 address", "ipv6": "must be an IPv6 address",
	"cidr":             "must be a network such as 192.0.2.0/24",
	"cidrv4":           "must be an IPv4 network such as 192.0.2.0/24",
	"cidrv6":           "must be an IPv6 network such as 2001:db8::/32",
	"mac":              "must be a MAC address",
	"hostname":         "must be a host name",
	"hostname_rfc1123": "must be a host name",
	"fqdn":             "must be a host name with its domain",
	"hostname_port":    "must be a host and a port",
	"port":             "must be a port",

	"base64": "must be base64", "base64url": "must be base64 for URLs", "base64rawurl": "must be base64 for URLs, without padding",
	"json": "must be JSON", "jwt": "must be a JWT",
	"semver": "must be a version such as 1.2.3",
	"cron":   "must be a cron expression",

	"duration": "must be a duration such as 1m30s",
	"timezone": "must be a time zone such as Europe/Paris",
	"latitude": "must be a latitude", "longitude": "must be a longitude",

	"iscolor": "must be a color", "hexcolor": "must be a color such as #ff8800",
	"rgb": "must be an rgb() color", "rgba": "must be an rgba() color",
	"hsl": "must be an hsl() color", "hsla": "must be an hsla() color", "cmyk": "must be a cmyk() color",
	"country_code":     "must be a country code",
	"iso3166_1_alpha2": "must be a country code of two letters", "iso3166_1_alpha3": "must be a country code of three letters",
	"iso4217":            "must be a currency code",
	"bcp47_language_tag": "must be a language tag such as en-GB",
	"credit_card":        "must be the number of a credit card",
	"isbn":               "must be an ISBN", "isbn10": "must be an ISBN of 10 digits", "isbn13": "must be an ISBN of 13 digits",
}
