package resume

import (
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// defaultMaxBytes is that of [adapter.Recovery.MaxBytes].
const defaultMaxBytes = 256 << 10

// Complete returns the options of a platform with the defaults, or an error for invalid ones; nil for nil.
func Complete(platform string, o *adapter.Recovery) (*adapter.Recovery, error) {
	if o == nil {
		return nil, nil
	}
	r := merge.Fields(adapter.Recovery{
		MaxDisconnection: 2 * time.Minute, MaxClients: 10_000, MaxClientsPerAddress: 100, MaxBytes: defaultMaxBytes, MaxTotalBytes: 256 << 20,
	}, *o)
	if r.MaxDisconnection < 0 || r.MaxClients < 0 || r.MaxClientsPerAddress < 0 || r.MaxBytes < 0 || r.MaxTotalBytes < 0 {
		return nil, fmt.Errorf("%s: Options.Recovery has a negative duration or size: use 0 for the default", platform)
	}
	return &r, nil
}

// Fit returns the options, which are complete, for servers whose queues hold at most queue bytes.
func Fit(platform string, r *adapter.Recovery, queue int) (*adapter.Recovery, error) {
	if r == nil || r.MaxBytes <= queue || queue <= 0 {
		return r, nil
	}
	if r.MaxBytes != defaultMaxBytes {
		return nil, fmt.Errorf("%s: Options.Recovery.MaxBytes is %d and Limits.SendQueueMax %d: a client that has missed so much would be closed when it returns: write at most %d, or raise SendQueueMax",
			platform, r.MaxBytes, queue, queue)
	}
	fitting := *r
	fitting.MaxBytes = queue
	return &fitting, nil
}
