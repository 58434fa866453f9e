package module

import (
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// place is a position in source code.
type place struct {
	file string
	line int
}

func (p place) short() string {
	if p.file == "" {
		return "unknown place"
	}
	return filepath.Base(p.file) + ":" + strconv.Itoa(p.line)
}

func (p place) long() string {
	if p.file == "" {
		return ""
	}
	return p.file + ":" + strconv.Itoa(p.line)
}

// callerPlace tells where the exported function that calls it was called, and
// in which function that is.
func callerPlace() (place, string) {
	pc, file, line, ok := runtime.Caller(2)
	if !ok {
		return place{}, ""
	}
	name := ""
	if fn := runtime.FuncForPC(pc); fn != nil {
		name = afterSlash(fn.Name())
	}
	return place{file, line}, name
}

// funcName returns the name of a constructor with its package (chat.NewRooms),
// without it (NewRooms), and where it is defined.
func funcName(fn reflect.Value) (full, short string, at place) {
	f := runtime.FuncForPC(fn.Pointer())
	if f == nil || f.Name() == "reflect.makeFuncStub" {
		// Functions made by reflection have no name and no place of their own.
		return fn.Type().String(), fn.Type().String(), place{}
	}
	full = strings.TrimSuffix(afterSlash(f.Name()), "-fm")
	_, short, _ = strings.Cut(full, ".")
	file, line := f.FileLine(fn.Pointer())
	return full, short, place{file, line}
}

func afterSlash(name string) string {
	// A generic name may hold paths in its brackets.
	end := strings.IndexByte(name, '[')
	if end < 0 {
		end = len(name)
	}
	return name[strings.LastIndexByte(name[:end], '/')+1:]
}
