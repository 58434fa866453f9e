// Package access_test tries to exceed what limits, kicks and guards allow: on plain WebSocket, and on Socket.IO over
// WebSocket and polling, with Gatehouse's own server and with the zishang adapter.
package access_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
