package nats

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// ownSubjects is the part after the prefix of subjects that the engine itself uses. No channel has
// this name.
const ownSubjects = "_"

// subject returns the subject of a channel: "n:0a1b" is the prefix, ".n." and "0a1b" in base64url.
func subject(prefix, channel string) (string, error) {
	kind, name, named := strings.Cut(channel, ":")
	for _, c := range kind {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			kind = ""
		}
	}
	switch {
	case kind == "" || named && name == "":
		return "", fmt.Errorf("nats: channel %q has no subject: use small letters, a colon and a name", channel)
	case !named:
		return prefix + "." + kind, nil
	}
	return prefix + "." + kind + "." + base64.RawURLEncoding.EncodeToString([]byte(name)), nil
}
