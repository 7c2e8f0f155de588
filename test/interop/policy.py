"""The policy of a fabric file, read by somebody who knows the Network Controller's JSON and nothing of edgemux."""
import json
from typing import NamedTuple

PROTOCOLS = {"Tcp": 6, "Udp": 17}


class Machine(NamedTuple):
    address: str
    mac: str


class Backend(NamedTuple):
    key: str
    dip: str
    mac: str
    vni: int
    host: str
    weight: int


class Service(NamedTuple):
    backends: list
    backend_port: int
    distribution: str
    is_balanced: bool


class Fabric:
    """services by (VIP, protocol, port); hosts and MUXes by id; backends by MAC address."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            fabric = json.load(file)
        self.hosts = {
            server["resourceId"]: Machine(own["providerAddresses"][0], own["macAddress"])
            for server, own in with_extension(fabric["servers"])
        }
        self.muxes = {
            mux["resourceId"]: Machine(own["providerAddress"], own["macAddress"])
            for mux, own in with_extension(fabric["loadBalancerMuxes"])
        }
        self.backends, self.members = {}, {}
        for nic in fabric["networkInterfaces"]:
            self.read_nic(nic, vnis_of(fabric))
        self.services = {}
        for balancer in fabric["loadBalancers"]:
            self.read_load_balancer(balancer, fabric)

    def read_nic(self, nic, vnis):
        for ip in nic["properties"]["ipConfigurations"]:
            own = ip["properties"]
            backend = Backend(
                key=f"/networkInterfaces/{nic['resourceId']}/ipConfigurations/{ip['resourceId']}",
                dip=own["privateIPAddress"],
                mac=colons(nic["properties"]["privateMacAddress"]),
                vni=vnis[own["subnet"]["resourceRef"]],
                host=last(nic["properties"]["server"]),
                weight=own.get("edgemux", {}).get("weight", 1),
            )
            self.backends[backend.mac] = backend
            for member in own["loadBalancerBackendAddressPools"] + own.get("loadBalancerInboundNatRules", []):
                self.members.setdefault(member["resourceRef"], []).append(backend)

    def read_load_balancer(self, balancer, fabric):
        own = balancer["properties"]
        addresses = {ip["resourceId"]: ip["properties"]["ipAddress"] for ip in fabric["publicIPAddresses"]}
        vips = {
            frontend["resourceId"]: addresses[last(frontend["properties"]["publicIPAddress"])]
            for frontend in own["frontendIPConfigurations"]
        }
        for rule in own["loadBalancingRules"]:
            self.add(rule, vips, rule["properties"]["backendAddressPool"]["resourceRef"], True)
        for rule in own.get("inboundNatRules", []):
            self.add(rule, vips, f"/loadBalancers/{balancer['resourceId']}/inboundNatRules/{rule['resourceId']}", False)

    def add(self, rule, vips, members, is_balanced):
        own = rule["properties"]
        service = Service(
            backends=sorted(self.members[members], key=lambda backend: backend.key),
            backend_port=int(own["backendPort"]),
            distribution=own.get("loadDistribution", "Default"),
            is_balanced=is_balanced,
        )
        for frontend in own["frontendIPConfigurations"]:
            self.services[vips[last(frontend)], PROTOCOLS[own["protocol"]], int(own["frontendPort"])] = service


def with_extension(resources):
    return [(resource, resource["properties"]["edgemux"]) for resource in resources]


def vnis_of(fabric):
    vnis = {}
    for network in fabric["virtualNetworks"]:
        for subnet, own in with_extension(network["properties"]["subnets"]):
            vnis[f"/virtualNetworks/{network['resourceId']}/subnets/{subnet['resourceId']}"] = own["vni"]
    return vnis


def last(reference):
    return reference["resourceRef"].split("/")[-1]


def colons(mac):
    """001DD8000004 as 00:1d:d8:00:00:04."""
    return ":".join(mac[at : at + 2] for at in range(0, 12, 2)).lower()
