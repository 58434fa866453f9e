package chat

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Limits, in characters.
const (
	maxRoom = 40
	maxName = 40
	maxText = 2000
)

// Codes of the errors that clients get, for programs.
const (
	CodeNoRoom  = "no_room"
	CodeInvalid = "invalid"
)

func errNoRoom() error {
	return &websockets.Error{Message: "join a room first", Code: CodeNoRoom}
}

func (j Join) check() (Join, error) {
	room, err := checkLine("room", j.Room, maxRoom)
	if err != nil {
		return Join{}, err
	}
	name, err := checkLine("name", j.Name, maxName)
	return Join{room, name}, err
}

func checkText(text string) (string, error) { return checkLine("text", text, maxText) }

// checkLine trims a field, which must not be empty or too long.
func checkLine(field, s string, limit int) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", &websockets.Error{Message: field + " is required", Code: CodeInvalid}
	case utf8.RuneCountInString(s) > limit:
		message := fmt.Sprintf("%s may have at most %d characters", field, limit)
		return "", &websockets.Error{Message: message, Code: CodeInvalid}
	}
	return s, nil
}
