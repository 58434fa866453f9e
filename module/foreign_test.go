package module

import "testing"

func TestForeignNames(t *testing.T) {
	const problem = ", from which wire generates code"
	for _, tt := range []struct{ pkg, name, problem, hint string }{
		{"example.com/wire", "ProviderSet", "", ""},
		{"", "int", "", ""},
		{"github.com/google/wire", "ProviderSet", "is a wire.ProviderSet" + problem, "list the constructors of the set, or a module with them in module.Imports"},
		{"github.com/google/wire", "Binding", "is a wire.Binding" + problem, "write module.As[I](NewService) in place of wire.Bind"},
		{"github.com/google/wire", "ProvidedValue", "is a wire.ProvidedValue" + problem, "write module.Value in place of wire.Value and wire.InterfaceValue"},
		{"github.com/google/wire", "StructProvider", "is a wire.StructProvider" + problem, "write a constructor that returns the value"},
		{"github.com/google/wire", "StructFields", "is a wire.StructFields" + problem, "write a constructor that returns the value"},
	} {
		if problem, hint := foreignName(tt.pkg, tt.name); problem != tt.problem || hint != tt.hint {
			t.Errorf("%s.%s: %q, %q", tt.pkg, tt.name, problem, hint)
		}
	}
}
