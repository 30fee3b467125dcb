package xraydoc

import "github.com/sidelight-dev/sidelight/internal/otlpwire"

// key is a span attribute that translation knows by name.
type key uint8

const (
	unknown key = iota
	awsLocalService
	awsRemoteService
	awsRemoteOperation
	awsSpanKind
	remoteTarget
	remoteNamespace
	peerService
	awsService
	dbName
	dbConnection
	dbUser
	dbStatement
	dbSystem
	dbSystemName
	dbQueryText
	dbNamespace
	rpcService
	rpcSystem
	rpcSystemName
	rpcMethod
	enduserID
	inProgress
	annotationKeys
	awsOperation
	awsAccountID
	awsRegion
	cloudRegion
	awsRequestID
	awsRequestID2
	awsRequestID3
	awsExtendedID
	awsExtendedID2
	awsQueueURL
	awsQueueURL2
	sqsQueueURL
	snsTopicARN
	awsTableName
	awsTableName2
	awsTableNames
	messagingURL
	messageType
	messageSize
	httpMethod
	httpRequestMethod
	httpClientIP
	clientAddress
	httpUserAgent
	userAgent
	httpStatus
	httpResponseStatus
	httpResponseLength
	httpResponseSize
	httpStatusText
	errorType
	httpURL
	urlFull
	httpScheme
	urlScheme
	httpHost
	httpTarget
	httpServerName
	netHostName
	netHostPort
	hostName
	netPeerName
	netPeerPort
	netPeerIP
	netSockPeerAddr
	networkPeerAddress
	serverAddress
	serverPort
	urlPath
	urlQuery
	numKeys
)

// names maps attribute names to keys: old and stable semantic conventions, and
// those of AWS.
var names = map[string]key{
	"aws.local.service":                    awsLocalService,
	"aws.remote.service":                   awsRemoteService,
	"aws.remote.operation":                 awsRemoteOperation,
	"aws.span.kind":                        awsSpanKind,
	"remoteTarget":                         remoteTarget,
	"K8s.RemoteNamespace":                  remoteNamespace,
	"peer.service":                         peerService,
	"aws.service":                          awsService,
	"db.name":                              dbName,
	"db.connection_string":                 dbConnection,
	"db.user":                              dbUser,
	"db.statement":                         dbStatement,
	"db.system":                            dbSystem,
	"db.system.name":                       dbSystemName,
	"db.query.text":                        dbQueryText,
	"db.namespace":                         dbNamespace,
	"rpc.service":                          rpcService,
	"rpc.system":                           rpcSystem,
	"rpc.system.name":                      rpcSystemName,
	"rpc.method":                           rpcMethod,
	"enduser.id":                           enduserID,
	"aws.xray.inprogress":                  inProgress,
	"aws.xray.annotations":                 annotationKeys,
	"aws.operation":                        awsOperation,
	"aws.account_id":                       awsAccountID,
	"aws.region":                           awsRegion,
	"aws.request_id":                       awsRequestID,
	"cloud.region":                         cloudRegion,
	"aws.requestId":                        awsRequestID2,
	"aws.request.id":                       awsRequestID3,
	"aws.extended_request_id":              awsExtendedID,
	"aws.request.extended_id":              awsExtendedID2,
	"aws.sqs.queue.url":                    sqsQueueURL,
	"aws.sns.topic.arn":                    snsTopicARN,
	"aws.queue_url":                        awsQueueURL,
	"aws.queue.url":                        awsQueueURL2,
	"aws.table_name":                       awsTableName,
	"aws.table.name":                       awsTableName2,
	"aws.dynamodb.table_names":             awsTableNames,
	"messaging.url":                        messagingURL,
	"message.type":                         messageType,
	"messaging.message_payload_size_bytes": messageSize,
	"http.method":                          httpMethod,
	"http.request.method":                  httpRequestMethod,
	"http.client_ip":                       httpClientIP,
	"client.address":                       clientAddress,
	"http.user_agent":                      httpUserAgent,
	"user_agent.original":                  userAgent,
	"http.status_code":                     httpStatus,
	"http.response.status_code":            httpResponseStatus,
	"http.response_content_length":         httpResponseLength,
	"http.response.body.size":              httpResponseSize,
	"http.status_text":                     httpStatusText,
	"error.type":                           errorType,
	"http.url":                             httpURL,
	"url.full":                             urlFull,
	"http.scheme":                          httpScheme,
	"url.scheme":                           urlScheme,
	"http.host":                            httpHost,
	"http.target":                          httpTarget,
	"http.server_name":                     httpServerName,
	"net.host.name":                        netHostName,
	"net.host.port":                        netHostPort,
	"host.name":                            hostName,
	"net.peer.name":                        netPeerName,
	"net.peer.port":                        netPeerPort,
	"net.peer.ip":                          netPeerIP,
	"net.sock.peer.addr":                   netSockPeerAddr,
	"network.peer.address":                 networkPeerAddress,
	"server.address":                       serverAddress,
	"server.port":                          serverPort,
	"url.path":                             urlPath,
	"url.query":                            urlQuery,
}

// attrs finds a span's attributes by key.
type attrs struct {
	list []otlpwire.Attr
	// at holds, by key, one more than the attribute's index in list.
	at [numKeys]uint16
	// used marks, by index in list, what has gone into the document already and
	// is not to be repeated in its metadata.
	used []bool
	// spliced says that there is an attribute which names a metadata namespace.
	spliced bool
	twice   twice
}

func (a *attrs) reset(list []otlpwire.Attr) {
	a.list, a.at, a.spliced = list, [numKeys]uint16{}, false
	a.used = append(a.used[:0], make([]bool, len(list))...)
	for i := range list {
		name := list[i].Key
		k, known := names[string(name)]
		switch {
		case known && i < 1<<16-1:
			a.at[k] = uint16(i) + 1
		case namespaceOf(name) != nil:
			a.spliced = true
		}
	}
	a.twice.find(list)
}

func (a *attrs) has(k key) bool { return a.at[k] != 0 }

// value returns the attribute k, with kind Empty if there is none.
func (a *attrs) value(k key) otlpwire.Value {
	if a.at[k] == 0 {
		return otlpwire.Value{}
	}
	return a.list[a.at[k]-1].Value
}

// text returns the first of the attributes ks that is a text and not empty.
func (a *attrs) text(ks ...key) []byte {
	for _, k := range ks {
		if a.at[k] == 0 { // most are not there, and a Value is long to copy
			continue
		}
		if v := &a.list[a.at[k]-1].Value; v.Kind == otlpwire.String && len(v.Raw) > 0 {
			return v.Raw
		}
	}
	return nil
}

// number returns the first of the attributes ks that is a whole number.
func (a *attrs) number(ks ...key) (int64, bool) {
	for _, k := range ks {
		if n, ok := a.value(k).AsInt(); ok {
			return n, true
		}
	}
	return 0, false
}

// use marks the attributes ks as used, but for those of a type that nothing is
// made of.
func (a *attrs) use(ks ...key) {
	for _, k := range ks {
		if a.at[k] == 0 {
			continue
		}
		if v := &a.list[a.at[k]-1].Value; v.Kind == otlpwire.String && !isNumber(k) || isNumber(k) && isWhole(v) {
			a.used[a.at[k]-1] = true
		}
	}
}

func isWhole(v *otlpwire.Value) bool {
	_, ok := v.AsInt()
	return ok
}

// isNumber reports whether k is read as a number.
func isNumber(k key) bool {
	switch k {
	case httpStatus, httpResponseStatus, httpResponseLength, httpResponseSize, messageSize, netHostPort, netPeerPort, serverPort:
		return true
	}
	return false
}

// useKind marks the attribute k as used if it is of the given kind.
func (a *attrs) useKind(k key, kind otlpwire.Kind) {
	if a.value(k).Kind == kind {
		a.used[a.at[k]-1] = true
	}
}

// keep takes back what use said of the attributes ks: metadata tells of them.
func (a *attrs) keep(ks ...key) {
	for _, k := range ks {
		if a.at[k] != 0 {
			a.used[a.at[k]-1] = false
		}
	}
}

// keepLong keeps those of the texts ks that X-Ray does not take whole.
func (a *attrs) keepLong(ks ...key) {
	for _, k := range ks {
		if len(a.value(k).Raw) > maxText {
			a.keep(k)
		}
	}
}

// useTwice marks the attributes as used that come again.
func (a *attrs) useTwice() {
	for _, i := range a.twice.first {
		a.used[i] = true
	}
}
