import {Duration, Stack} from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import {Construct} from 'constructs';

/** What there is to say of an agent beside the containers of a task. */
export interface SidelightProps {
  /** The task whose containers it is beside, on a network that they share. */
  readonly taskDefinition: ecs.TaskDefinition;
  /** Name of the service: in log groups and metrics. */
  readonly service: string;
  /** @default the agent of this version */
  readonly image?: ecs.ContainerImage;
  /**
   * Takes standard output by FireLens: containers are added with `logging()`. Otherwise the
   * agent is not essential.
   * @default true
   */
  readonly firelens?: boolean;
  /** Its configuration, as YAML. The policy is that of an empty one. */
  readonly config?: string;
  /**
   * Time that it has to stop; Fargate allows 120 s.
   * @default 60 s
   */
  readonly stopTimeout?: Duration;
  /** Keeps the agent's own log. @default a group that is kept for 30 days */
  readonly logGroup?: logs.ILogGroup;
}

/** The agent beside the containers of an ECS task, its volume and the least policy. */
export class Sidelight extends Construct {
  /** The agent's container. */
  readonly container: ecs.ContainerDefinition;

  constructor(scope: Construct, id: string, props: SidelightProps) {
    super(scope, id);
    const task = props.taskDefinition;
    if (task.networkMode !== ecs.NetworkMode.AWS_VPC && task.networkMode !== ecs.NetworkMode.HOST) {
      throw new Error(`the agent is on loopback, which containers do not share in the network mode ${task.networkMode}`);
    }
    const stop = props.stopTimeout ?? Duration.seconds(60);
    if (stop.toSeconds() < 15 || stop.toSeconds() > 120) {
      throw new Error(`stopTimeout is ${stop.toSeconds()} s: expected 15 to 120`);
    }
    const firelens = props.firelens ?? true;
    const options: ecs.ContainerDefinitionOptions = {
      containerName: 'sidelight',
      image: props.image ?? ecs.ContainerImage.fromRegistry('ghcr.io/sidelight-dev/sidelight:0.1'),
      essential: firelens,
      enableRestartPolicy: firelens ? undefined : true,
      command: ['run'],
      cpu: 64,
      memoryReservationMiB: 64,
      user: '65532',
      readonlyRootFilesystem: true,
      stopTimeout: stop,
      environment: {
        SIDELIGHT_SERVICE_NAME: props.service,
        SIDELIGHT_SHUTDOWN_GRACE: `${stop.toSeconds() - 10}s`,
        SIDELIGHT_LOGS_GROUP: '/ecs/{service}',
        SIDELIGHT_LOGS_STREAM: '{source}/{task}',
        // A line end makes it the text of a file instead of its path.
        ...(props.config ? {SIDELIGHT_CONFIG: `${props.config}\n`} : {}),
      },
      healthCheck: {
        command: ['CMD', '/sidelight', 'ready'],
        interval: Duration.seconds(5),
        timeout: Duration.seconds(3),
        retries: 3,
        startPeriod: Duration.seconds(5),
      },
      logging: ecs.LogDrivers.awsLogs({
        streamPrefix: 'sidelight',
        logGroup: props.logGroup ?? new logs.LogGroup(this, 'Log', {retention: logs.RetentionDays.ONE_MONTH}),
      }),
    };
    this.container = firelens
      ? task.addFirelensLogRouter('sidelight', {
          ...options,
          firelensConfig: {type: ecs.FirelensLogRouterType.FLUENTBIT, options: {enableECSLogMetadata: true}},
        })
      : task.addContainer('sidelight', options);
    task.addVolume({name: 'sidelight-queue'});
    this.container.addMountPoints({sourceVolume: 'sidelight-queue', containerPath: '/var/lib/sidelight', readOnly: false});
    this.grant(task.taskRole, props.service);
  }

  /** The log driver of containers whose standard output the agent takes. */
  static logging(): ecs.LogDriver {
    return ecs.LogDrivers.firelens({options: {'log-driver-buffer-limit': '2097152'}});
  }

  /** Has a container of the task wait for the agent, and tells it where the agent is. */
  connect(container: ecs.ContainerDefinition): void {
    container.addContainerDependencies({container: this.container, condition: ecs.ContainerDependencyCondition.HEALTHY});
    container.addEnvironment('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:4318');
    container.addEnvironment('AWS_XRAY_DAEMON_ADDRESS', '127.0.0.1:2000');
  }

  private grant(role: iam.IRole, service: string): void {
    const stack = Stack.of(this);
    const group = `arn:${stack.partition}:logs:${stack.region}:${stack.account}:log-group:/ecs/${service}`;
    role.attachInlinePolicy(
      new iam.Policy(this, 'Policy', {
        statements: [
          new iam.PolicyStatement({
            sid: 'Logs',
            actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents', 'logs:PutRetentionPolicy'],
            resources: [group, `${group}:*`],
          }),
          new iam.PolicyStatement({
            sid: 'Traces',
            actions: ['xray:PutTraceSegments', 'xray:GetSamplingRules', 'xray:GetSamplingTargets'],
            resources: ['*'],
          }),
          new iam.PolicyStatement({
            sid: 'Metrics',
            actions: ['cloudwatch:PutMetricData'],
            resources: ['*'],
            conditions: {StringLike: {'cloudwatch:namespace': ['Sidelight', 'Sidelight/*']}},
          }),
        ],
      }),
    );
  }
}
