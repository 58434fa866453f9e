// Package place names positions in source code in messages: by the path of the file from the root
// of the application's main module, or below the import path of a package of another module. It
// needs neither the sources nor their folder, so builds with -trimpath say the same: the folder of
// a file is the package of its functions.
package place

import (
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Position is a position in source code; the zero value is unknown.
type Position struct {
	function string // that the line belongs to, with the path of its package
	file     string
	line     int
}

// Of returns the position of a line of a function, as package runtime has them.
func Of(function, file string, line int) Position { return Position{function, file, line} }

// OfFrame is [Of].
func OfFrame(f runtime.Frame) Position { return Of(f.Function, f.File, f.Line) }

// Caller returns where the function that calls Caller was called; skip leaves out so many callers.
func Caller(skip int) Position {
	var pcs [1]uintptr
	if runtime.Callers(skip+3, pcs[:]) == 0 {
		return Position{}
	}
	f, _ := runtime.CallersFrames(pcs[:]).Next()
	main().learn(f.Function, f.File)
	return OfFrame(f)
}

// Function returns the function that the line belongs to, as package runtime names it.
func (p Position) Function() string { return p.function }

// File returns the file, with the path that the compiler had, and the line; "" for the zero value:
// /home/ada/shop/chat/gateway.go:12.
func (p Position) File() string {
	if p.file == "" {
		return ""
	}
	return p.file + ":" + strconv.Itoa(p.line)
}

// String returns the position in the form of messages: chat/gateway.go:12.
func (p Position) String() string {
	if p.file == "" {
		return "unknown position"
	}
	return path.Join(main().folder(p.function, p.file), path.Base(slashed(p.file))) + ":" + strconv.Itoa(p.line)
}

// slashed returns the path of a file with slashes, which it has except for those of //line on Windows.
func slashed(file string) string { return strings.ReplaceAll(file, `\`, "/") }
