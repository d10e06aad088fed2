import { randomUUID } from 'node:crypto';
import { status, type ServiceDefinition, type sendUnaryData, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ClusterInfo, EndPoint, MemberInfo } from '@eventstore/db-client/generated/gossip_pb';
import { MonitoringService } from '@eventstore/db-client/generated/monitoring_grpc_pb';
import { OperationsService } from '@eventstore/db-client/generated/operations_grpc_pb';
import { PersistentSubscriptionsService } from '@eventstore/db-client/generated/persistent_grpc_pb';
import { ProjectionsService } from '@eventstore/db-client/generated/projections_grpc_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { UsersService } from '@eventstore/db-client/generated/users_grpc_pb';
import { UUID } from '@eventstore/db-client/generated/shared_pb';
import { plain } from '../wire/status';

/** The version whose behaviour this server shows. */
const SERVER_VERSION = '23.10.6';

const REFUSED: [feature: string, service: ServiceDefinition][] = [
  ['persistent subscriptions are', PersistentSubscriptionsService],
  ['projections are', ProjectionsService],
  ['user management is', UsersService],
  ['operations are', OperationsService],
  ['monitoring is', MonitoringService],
];

/** ServerFeatures.GetSupportedMethods. */
export function supportedMethods(_call: unknown, callback: sendUnaryData<SupportedMethods>): void {
  const message = new SupportedMethods();
  message.setEventStoreServerVersion(SERVER_VERSION);
  for (const { path } of Object.values(StreamsService)) message.addMethods(supported(path, ['position', 'events']));
  // Refused all the same: but without them the client asks over HTTP, and its user sees no reason.
  for (const { path } of Object.values(PersistentSubscriptionsService)) message.addMethods(supported(path, ['stream', 'all']));
  callback(null, message);
}

function supported(path: string, features: string[]): SupportedMethod {
  const [, service = '', method = ''] = path.toLowerCase().split('/');
  const message = new SupportedMethod();
  message.setServiceName(service);
  message.setMethodName(method);
  return message.setFeaturesList(features);
}

/** Gossip.Read: this node, the leader of itself. */
export function gossip({ host, port }: { readonly host: string; readonly port: number }): (call: unknown, callback: sendUnaryData<ClusterInfo>) => void {
  const id = new UUID();
  id.setString(randomUUID());
  const endPoint = new EndPoint();
  endPoint.setAddress(host);
  endPoint.setPort(port);
  return (_call, callback) => {
    const member = new MemberInfo();
    member.setInstanceId(id);
    member.setTimeStamp(`${Date.now()}0000`);
    member.setState(MemberInfo.VNodeState.LEADER);
    member.setIsAlive(true);
    member.setHttpEndPoint(endPoint);
    const message = new ClusterInfo();
    message.addMembers(member);
    callback(null, message);
  };
}

/** The services that exist only to say that they are not here. */
export function refusedServices(): { service: ServiceDefinition; implementation: UntypedServiceImplementation }[] {
  return REFUSED.map(([feature, service]) => ({ service, implementation: refusing(feature, service) }));
}

function refusing(feature: string, service: ServiceDefinition): UntypedServiceImplementation {
  const refusal = plain(status.UNIMPLEMENTED, `${feature} not supported by the embedded server`);
  const streaming = (call: { emit(event: 'error', status: unknown): boolean }): boolean => call.emit('error', refusal);
  const unary = (_call: unknown, callback: sendUnaryData<never>): void => callback(refusal);
  return Object.fromEntries(
    Object.entries(service).map(([name, { responseStream }]) => [name, responseStream ? streaming : unary]),
  );
}
