package payload

import (
	"encoding/base64"
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/placeholder"
)

// Check reports an error if a recipient would take anything else in the payload for one
// of its attachments, such as an object with a "_placeholder" that a client has sent as
// data. Without attachments nothing is taken for one.
func (p Raw) Check() error {
	if len(p.Attachments) == 0 {
		return nil
	}
	if err := placeholder.Check(p.JSON, len(p.Attachments)); err != nil {
		return fmt.Errorf("websockets: payload with binary: %w", err)
	}
	return nil
}

// Inline returns the payload as JSON with its attachments as base64 text, for platforms
// without binary. All else stays as it is written.
func (p Raw) Inline() ([]byte, error) {
	if len(p.Attachments) == 0 {
		return p.JSON, nil
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	size := len(p.JSON)
	for _, a := range p.Attachments {
		size += base64.StdEncoding.EncodedLen(len(a))
	}
	text := make([]byte, 0, size)
	from := 0
	for _, at := range placeholder.All(p.JSON) {
		text = append(text, p.JSON[from:at.Start]...)
		text = append(text, '"')
		text = base64.StdEncoding.AppendEncode(text, p.Attachments[at.Num])
		text = append(text, '"')
		from = at.End
	}
	return append(text, p.JSON[from:]...), nil
}
