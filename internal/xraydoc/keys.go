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
	rpcMethod
	enduserID
	inProgress
	annotationKeys
	awsOperation
	awsAccountID
	awsRegion
	awsRequestID
	awsRequestID2
	awsQueueURL
	awsQueueURL2
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
	httpStatusText
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
	"rpc.method":                           rpcMethod,
	"enduser.id":                           enduserID,
	"aws.xray.inprogress":                  inProgress,
	"aws.xray.annotations":                 annotationKeys,
	"aws.operation":                        awsOperation,
	"aws.account_id":                       awsAccountID,
	"aws.region":                           awsRegion,
	"aws.request_id":                       awsRequestID,
	"aws.requestId":                        awsRequestID2,
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
	"http.status_text":                     httpStatusText,
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
		if v := a.value(k); v.Kind == otlpwire.String && len(v.Raw) > 0 {
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

// use marks the attributes ks as used.
func (a *attrs) use(ks ...key) {
	for _, k := range ks {
		if a.at[k] != 0 {
			a.used[a.at[k]-1] = true
		}
	}
}
