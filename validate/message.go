package validate

import (
	"fmt"
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

// count returns "1 character" or "3 characters".
func (u unit) count(n string) string {
	if n == "1" {
		return n + " " + u.noun
	}
	return n + " " + u.noun + "s"
}

// message returns the English message that follows the field's name, or "" if the rule
// has none.
func message(rule, param string, u unit) string {
	if text := timeMessages[rule]; param == "" && u.isTime && text != "" {
		return text
	}
	if param == "" {
		return fixedMessages[rule]
	}
	if text, ok := sizeMessages[rule]; ok {
		if u.noun == "" || u.noun == "character" && (rule == "eq" || rule == "ne") {
			return fmt.Sprintf(text.value, param)
		}
		return fmt.Sprintf(text.count, u.count(param))
	}
	rule = strings.Replace(rule, "csfield", "field", 1)
	if text := timeFieldMessages[rule]; u.isTime && text != "" {
		return fmt.Sprintf(text, param)
	}
	if text := paramMessages[rule]; text != "" {
		return fmt.Sprintf(text, paramText(rule, param))
	}
	return fixedMessages[rule]
}

// sizeMessages are those of rules about the size of what is counted, or about a value.
var sizeMessages = map[string]struct{ count, value string }{
	"len": {"must have exactly %s", "must be exactly %s"},
	"min": {"must have at least %s", "must be at least %s"},
	"gte": {"must have at least %s", "must be at least %s"},
	"max": {"may have at most %s", "may be at most %s"},
	"lte": {"may have at most %s", "may be at most %s"},
	"gt":  {"must have more than %s", "must be more than %s"},
	"lt":  {"must have fewer than %s", "must be less than %s"},
	"eq":  {"must have exactly %s", "must be %s"},
	"ne":  {"must not have exactly %s", "must not be %s"},
}

var timeMessages = map[string]string{
	"gt": "must be in the future", "gte": "must not be in the past", "min": "must not be in the past",
	"lt": "must be in the past", "lte": "must not be in the future", "max": "must not be in the future",
}

// timeFieldMessages are those of rules that compare a time with another field.
var timeFieldMessages = map[string]string{
	"gtfield": "must be after %s", "gtefield": "must not be before %s",
	"ltfield": "must be before %s", "ltefield": "must not be after %s",
}

// paramMessages are those of rules that name other fields, or quote their parameter.
var paramMessages = map[string]string{
	"eqfield":  "must be equal to %s",
	"nefield":  "must not be equal to %s",
	"gtfield":  "must be more than %s",
	"gtefield": "must be at least %s",
	"ltfield":  "must be less than %s",
	"ltefield": "may be at most %s",

	"fieldcontains": "must contain the value of %s",
	"fieldexcludes": "must not contain the value of %s",
	"unique":        "must not have two items with the same %s",

	"required_if":          "is required if %s",
	"required_unless":      "is required unless %s",
	"required_with":        "is required if %s is set",
	"required_with_all":    "is required if all of these are set: %s",
	"required_without":     "is required if %s is not set",
	"required_without_all": "is required if none of these is set: %s",
	"excluded_if":          "must be left out if %s",
	"excluded_unless":      "must be left out unless %s",
	"excluded_with":        "must be left out if %s is set",
	"excluded_with_all":    "must be left out if all of these are set: %s",
	"excluded_without":     "must be left out if %s is not set",
	"excluded_without_all": "must be left out if none of these is set: %s",

	"eq_ignore_case": "must be %s",
	"ne_ignore_case": "must not be %s",
	"oneof":          "must be one of: %s", "oneofci": "must be one of: %s",
	"noneof": "must not be one of: %s", "noneofci": "must not be one of: %s",
	"contains": "must contain %s", "containsrune": "must contain %s",
	"containsany": "must contain one of these characters: %s",
	"excludes":    "must not contain %s", "excludesrune": "must not contain %s",
	"excludesall":   "must not contain any of these characters: %s",
	"startswith":    "must start with %s",
	"endswith":      "must end with %s",
	"startsnotwith": "must not start with %s",
	"endsnotwith":   "must not end with %s",
	"datetime":      "must be a date or time such as %s",
}

// paramText returns the parameter of a rule as paramMessages quote it.
func paramText(rule, param string) string {
	switch rule {
	case "oneof", "oneofci", "noneof", "noneofci":
		return strings.ReplaceAll(strings.Join(splitParam(param), ", "), "'", "")
	case "datetime":
		return exampleTime(param)
	}
	switch references[rule] {
	case fieldPairs:
		return pairs(param)
	case fieldList:
		if strings.HasSuffix(rule, "_all") {
			return strings.Join(splitParam(param), ", ")
		}
		return strings.Join(splitParam(param), " or ")
	}
	return param
}

// pairs turns "kind video size 3" into "kind is video and size is 3".
func pairs(param string) string {
	parts := splitParam(param)
	var texts []string
	for i := 0; i+1 < len(parts); i += 2 {
		texts = append(texts, parts[i]+" is "+strings.ReplaceAll(parts[i+1], "'", ""))
	}
	return strings.Join(texts, " and ")
}

// exampleTime formats an example time. Only Go programmers understand a layout.
func exampleTime(layout string) string {
	return time.Date(2030, time.December, 31, 18, 30, 0, 0, time.UTC).Format(layout)
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
