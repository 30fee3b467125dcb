// What the snapshot is of: a service with the agent as its router, and one beside which
// it is a plain sidecar.
import {App, LegacyStackSynthesizer, Stack} from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import {Sidelight} from '../lib/sidelight';

// Without notes on the library, which would differ from version to version.
const app = new App({analyticsReporting: false, treeMetadata: false});

function service(name: string, firelens: boolean): void {
  const stack = new Stack(app, name, {synthesizer: new LegacyStackSynthesizer()});
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {cpu: 512, memoryLimitMiB: 1024, family: 'orders'});
  const agent = new Sidelight(stack, 'Sidelight', {taskDefinition, service: 'orders', firelens});
  const container = taskDefinition.addContainer('orders', {
    image: ecs.ContainerImage.fromRegistry('111111111111.dkr.ecr.eu-west-1.amazonaws.com/orders:1'),
    logging: firelens ? Sidelight.logging() : ecs.LogDrivers.awsLogs({streamPrefix: 'orders'}),
    portMappings: [{containerPort: 8080}],
  });
  agent.connect(container);
}

service('router', true);
service('sidecar', false);
app.synth();
