package sandbox

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
	"github.com/sidelight-dev/sidelight/internal/sandbox/inbox"
)

// notifyTimeout bounds the delivery of a notification, for which the next
// evaluation of alarms waits.
const notifyTimeout = 2 * time.Second

// alarmInbox delivers the actions of alarms to the inbox, and to the URL of the
// options if there is one.
type alarmInbox struct {
	s   *Server
	url string
}

// Notify implements cloudwatch.Notifier. It writes the inbox down before the
// state of the alarm is: after a crash a notification may come twice, but none is
// lost.
func (a alarmInbox) Notify(ctx context.Context, n cloudwatch.Notification) error {
	a.s.inbox.Notify(ctx, inbox.Notification{
		Time: n.Time, Target: n.Action, Source: n.Alarm, Subject: n.Subject, Message: n.Message,
	})
	if err := a.s.data.save(inboxName); err != nil || a.url == "" {
		return err
	}
	return post(ctx, a.url, &n)
}

// snsMessage is what SNS sends to a subscriber over HTTP, without the signature,
// which nobody could check (SNS developer guide, "HTTP/HTTPS notification JSON
// format").
type snsMessage struct {
	Type, MessageId, TopicArn, Subject, Message, Timestamp string
}

// messageID is a UUID that is always the same for a notification.
func messageID(n *cloudwatch.Notification) string {
	h := fnv.New128a()
	_, _ = fmt.Fprint(h, n.Time.UnixNano(), "\x00", n.Action, "\x00", n.Message)
	s := hex.EncodeToString(h.Sum(nil))
	return s[:8] + "-" + s[8:12] + "-5" + s[13:16] + "-8" + s[17:20] + "-" + s[20:]
}

// post sends a notification as SNS would.
func post(ctx context.Context, url string, n *cloudwatch.Notification) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	at := n.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	m := snsMessage{"Notification", messageID(n), n.Action, n.Subject, n.Message, at}
	body, err := json.Marshal(&m)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	for name, value := range map[string]string{
		"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": m.Type, "x-amz-sns-message-id": m.MessageId, "x-amz-sns-topic-arn": m.TopicArn,
	} {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("notify %s: it answers %s", url, resp.Status)
	}
	return nil
}
