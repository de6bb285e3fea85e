"""What each resource of the API does, by path and method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import media
from .accesslist import Entry
from .attributes import check_names, parse_array, parse_object, require
from .clusters import VERSIONS, Cluster
from .emulator import Emulator
from .errors import ApiError
from .project import Organization, Project
from .providers import DEFAULT_PROVIDER
from .query import Query, firsts
from .ratelimit import parse_rate
from .replies import Reply, page_reply
from .settings import OBJECT_ID


@dataclass(frozen=True)
class Call:
    """One request that has passed authentication and the checks of its outer form.

    Args:
        project: The one that it is about, or the first.
        emulator: What all projects and organizations are in.
        ids: The variable parts of the path, by name.
        url: Its own address without the query.
        versioned: Whether it is one to v2.
        version: The version of the resource that is asked for, in v2.
    """

    project: Project
    emulator: Emulator
    ids: Mapping[str, str]
    query: Query
    body: bytes
    url: str
    versioned: bool
    version: str = media.VERSION

    @property
    def projects(self) -> Sequence[Project]:
        """All that the keys open."""
        return [project for project in self.emulator.projects if project.visible and not project.deleted]


Handler = Callable[[Call], Reply]
_LONGEST_NAME = 64
_ORGANIZATION_SWITCHES = (
    "apiAccessListRequired",
    "genAIFeaturesEnabled",
    "multiFactorAuthRequired",
    "restrictEmployeeAccess",
    "streamsCrossGroupEnabled",
)
#: What nobody has changed of the options of a cluster's processes, as mongodb-atlas-cli has recorded it.
_PROCESS_ARGS: Mapping[str, Any] = {
    **dict.fromkeys(
        (
            "changeStreamOptionsPreAndPostImagesExpireAfterSeconds",
            "chunkMigrationConcurrency",
            "defaultMaxTimeMS",
            "oplogMinRetentionHours",
            "oplogSizeMB",
            "queryStatsLogVerbosity",
            "sampleRefreshIntervalBIConnector",
            "sampleSizeBIConnector",
            "transactionLifetimeLimitSeconds",
        )
    ),
    "customOpensslCipherConfigTls12": [],
    "customOpensslCipherConfigTls13": [],
    "defaultWriteConcern": "majority",
    "javascriptEnabled": True,
    "minimumEnabledTlsProtocol": "TLS1_2",
    "noTableScan": False,
    "tlsCipherConfigMode": "DEFAULT",
}
_OLDER_PROCESS_ARGS: Mapping[str, Any] = {"defaultReadConcern": None, "failIndexKeyTooLong": None}
#: Whose limits are asked for; the first is the one that there are limits for.
_SCOPES = ("groupId", "orgId", "userId", "ipAddress")


def system_status(call: Call) -> Reply:
    """GET the root: which service this is and whose key was used."""
    settings = call.project.settings
    key = {
        "accessList": [{"cidrBlock": block, "ipAddress": block.split("/")[0]} for block in settings.key_access_list],
        "id": settings.org_ids[0],
        "publicKey": settings.public_key,
        "roles": [{"groupId": project.id, "roleName": "GROUP_OWNER"} for project in call.projects],
    }
    links = [{"href": call.url, "rel": "self"}]
    return Reply(200, {"apiKey": key, "appName": "MongoDB Atlas", "build": "0" * 40, "links": links, "throttling": False})


#: To what else one project has links.
_PARTS = ("accessList", "clusters", "containers", "peers")


def _group(project: Project, url: str, parts: Iterable[str] = ()) -> dict[str, Any]:
    content = {
        "clusterCount": len(project.clusters),
        "created": project.created,
        "id": project.id,
        "name": project.name,
        "orgId": project.org_id,
        "tags": [{"key": key, "value": value} for key, value in project.tags.items()],
        "withDefaultAlertsSettings": project.has_default_alerts,
    }
    links = [{"href": f"{url}/{part}", "rel": f"https://cloud.mongodb.com/{part}"} for part in parts]
    return {**content, "links": [{"href": url, "rel": "self"}, *links]}


def list_groups(call: Call) -> Reply:
    """GET the projects that the key opens. Clients look whether their credentials are good in this way."""
    return _group_page(call, call.url.removesuffix("/"), call.projects)


def _group_page(call: Call, groups: str, projects: Iterable[Project]) -> Reply:
    return page_reply([_group(project, f"{groups}/{project.id}") for project in projects], call.query, call.url)


def get_group_by_name(call: Call) -> Reply:
    """GET a project by its name: one of several with that name, none whose name has a slash.

    What is answered if there is none is known from tests of the official Kubernetes operator (test/int/project_test.go) and from
    the official service broker (its stand-in of Atlas).
    """
    groups, name = call.url.removesuffix("/").rsplit("/", 2)[0], call.ids["groupName"]
    if "/" in name:
        raise ApiError("RESOURCE_NOT_FOUND", name)
    for project in call.projects:
        if project.name == name:
            return Reply(200, _group(project, f"{groups}/{project.id}", _PARTS))
    raise ApiError("NOT_IN_GROUP")


def get_group(call: Call) -> Reply:
    """GET a project itself."""
    return Reply(200, _group(call.project, call.url.removesuffix("/"), _PARTS))


def create_group(call: Call) -> Reply:
    """POST a project. With 201 on the wire, as mongodb-atlas-cli has recorded it, whatever the published description says."""
    body = parse_object(call.body)
    # Go's SDK sends the two that it is to read, and that it has not set, with each project.
    check_names(body, ("name", "orgId", "tags", "withDefaultAlertsSettings", "clusterCount", "created"), ("id", "links"))
    require(body, ("name", "orgId"))
    alerts = body.get("withDefaultAlertsSettings", True)
    if not isinstance(alerts, bool):
        raise ApiError("INVALID_ATTRIBUTE", "withDefaultAlertsSettings")
    if not (isinstance(body["orgId"], str) and OBJECT_ID.fullmatch(body["orgId"])):
        raise ApiError("INVALID_ATTRIBUTE", "orgId")
    organization = _find_organization(call, body["orgId"])
    project = call.emulator.add_project({**_described(call, body, organization.id), "org_id": organization.id})
    project.has_default_alerts = alerts
    return Reply(201, _group(project, f"{call.url.removesuffix('/')}/{project.id}", _PARTS))


def update_group(call: Call) -> Reply:
    """PATCH the name of a project, or its tags, in place of those that it has; mongodb-atlas-cli has recorded it."""
    body = parse_object(call.body)
    check_names(body, ("name", "tags"), ())
    call.project.describe(_described(call, body, call.project.org_id, call.project))
    return get_group(call)


def _described(call: Call, body: dict[str, Any], org_id: str, project: Project | None = None) -> dict[str, Any]:
    """Return the name and the tags in a body, as `Project.describe` takes them.

    Args:
        org_id: The organization, in which names differ.
        project: The project that has this name already, or is to get it; None for a new one.

    Raises:
        ApiError: INVALID_ATTRIBUTE or GROUP_ALREADY_EXISTS.
    """
    name, tags = body.get("name"), body.get("tags", [])
    if "name" in body and not (isinstance(name, str) and 1 <= len(name) <= _LONGEST_NAME):
        raise ApiError("INVALID_ATTRIBUTE", "name")
    if "tags" in body and not (isinstance(tags, list) and all(_is_tag(tag) for tag in tags)):
        raise ApiError("INVALID_ATTRIBUTE", "tags")
    others = (one for one in call.emulator.projects if not one.deleted and one is not project)
    if any(one.name == name and one.org_id == org_id for one in others):
        raise ApiError("GROUP_ALREADY_EXISTS", name)
    return {
        **({"name": name} if "name" in body else {}),
        **({"tags": {tag["key"]: tag["value"] for tag in tags}} if "tags" in body else {}),
    }


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, dict) and tag.keys() == {"key", "value"} and all(isinstance(text, str) for text in tag.values())


def delete_group(call: Call) -> Reply:
    """DELETE a project that has neither clusters nor connections. The status is that of recorded replies; 204 is described."""
    project = call.project
    if len(project.clusters):
        raise ApiError("CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS")
    if list(project.peers):
        raise ApiError("CANNOT_CLOSE_GROUP_ACTIVE_PEERING_CONNECTIONS")
    project.deleted = True
    return Reply(202, {})


def _shows(content: Any, older: Mapping[str, Any] | None = None) -> Handler:
    """Return what GETs something that is always the same here.

    Args:
        content: The JSON, or None for an empty list with pages.
        older: What an older version of an object has beside it.
    """

    def get(call: Call) -> Reply:
        if "orgId" in call.ids:
            _find_organization(call)
        if "clusterName" in call.ids:
            _classic_cluster(call)
        if content is None:
            return page_reply([], call.query, call.url)
        return Reply(200, {**content, **older} if older and call.version == media.VERSION else content)

    return get


def get_group_settings(call: Call) -> Reply:
    """GET the switches of a project."""
    return Reply(200, dict(call.project.switches))


def update_group_settings(call: Call) -> Reply:
    """PATCH them, which Terraform's provider does for each project that it makes."""
    body = parse_object(call.body)
    check_names(body, tuple(call.project.switches), ())
    for name, value in body.items():
        if not isinstance(value, bool):
            raise ApiError("INVALID_ATTRIBUTE", name)
    call.project.switches.update(body)
    return get_group_settings(call)


def list_organizations(call: Call) -> Reply:
    """GET the organizations, or those whose names begin with a text."""
    url = call.url.removesuffix("/")
    found = [one for one in call.emulator.organizations if _begins(call, one.name)]
    return page_reply([_organization(one, f"{url}/{one.id}") for one in found], call.query, call.url)


def get_organization(call: Call) -> Reply:
    """GET one organization."""
    return Reply(200, _organization(_find_organization(call), call.url.removesuffix("/")))


def list_groups_of_organization(call: Call) -> Reply:
    """GET the projects of an organization, or those whose names begin with a text."""
    groups, organization = f"{call.url.removesuffix('/').rsplit('/', 3)[0]}/groups", _find_organization(call)
    found = [one for one in call.projects if one.org_id == organization.id and _begins(call, one.name)]
    return _group_page(call, groups, found)


def _organization(organization: Organization, url: str) -> dict[str, Any]:
    content = {"id": organization.id, "isDeleted": False, "name": organization.name, "skipDefaultAlertsSettings": False}
    return {**content, "links": [{"href": url, "rel": "self"}]}


def _find_organization(call: Call, org_id: str | None = None) -> Organization:
    """Return the organization with an id, by default that in the path."""
    org_id = call.ids["orgId"] if org_id is None else org_id
    if not OBJECT_ID.fullmatch(org_id):
        raise ApiError("PATH_PARAM_PARSE_ERROR", "orgId", org_id)
    for organization in call.emulator.organizations:
        if organization.id == org_id:
            return organization
    raise ApiError("ORG_NOT_FOUND", org_id)


def _begins(call: Call, name: str) -> bool:
    """Tell whether a name begins with the text that is searched for, in any case."""
    return name.casefold().startswith(firsts(call.query.sent).get("name", "").casefold())


def list_rate_limits(call: Call) -> Reply:
    """GET the limits; there is one, for all that belongs to a project. It is not shown to who asks about somebody else."""
    sent, rate_limit = firsts(call.query.sent), call.project.settings.rate_limit
    if "groupId" in sent and sent["groupId"] not in [project.id for project in call.projects]:
        raise ApiError("GROUP_NOT_FOUND", sent["groupId"])
    if rate_limit is None or any(scope in sent for scope in _SCOPES[1:]):
        return page_reply([], call.query, call.url)
    rate = parse_rate(rate_limit)
    name, root = "Everything", "/api/atlas/v2/"
    endpoints = [
        {"method": method, "path": root + "/".join(resource.path)}
        for resource in RESOURCES
        if resource.path[:2] == _GROUP and resource.in_v2
        for method in resource.methods
    ]
    limit = {
        "capacity": {"defaultValue": None, "value": rate.capacity},
        "endpointSetId": "everything_group",
        "endpointSetName": name,
        "endpoints": endpoints,
        "refillDurationSeconds": {"defaultValue": None, "value": rate.period_seconds},
        "refillRate": {"defaultValue": None, "value": rate.refill},
        "scope": "GROUP",
    }
    asked = _lets_through(call, "name", {name}) and _lets_through(call, "endpointPath", {one["path"] for one in endpoints})
    return page_reply([limit] if asked else [], call.query, call.url)


def _lets_through(call: Call, parameter: str, values: set[str]) -> bool:
    """Tell whether a filter, which may be repeated, lets one of these values through."""
    asked = {value for name, value in call.query.sent if name == parameter}
    return not asked or bool(asked & values)


def get_private_ip_mode(call: Call) -> Reply:
    """GET whether the project is in the mode that knows peering connections only. It went out of use: nothing turns it on."""
    return Reply(200, {"enabled": False})


def disable_private_ip_mode(call: Call) -> Reply:
    """PATCH that mode, which can only be turned off."""
    body = parse_object(call.body)
    check_names(body, ("enabled",), ())
    require(body, ("enabled",))
    if body["enabled"] is not False:
        raise ApiError("INVALID_ATTRIBUTE", "enabled")
    return get_private_ip_mode(call)


def list_peers(call: Call) -> Reply:
    """GET the peers of one provider, by default AWS."""
    provider = call.query.provider or DEFAULT_PROVIDER
    peers = call.project.lists().peers
    return page_reply([peer.to_json() for peer in peers if peer.provider.name == provider], call.query, call.url)


def create_peer(call: Call) -> Reply:
    """POST a new peer."""
    return Reply(200, call.project.create_peer(parse_object(call.body), call.versioned).to_json())


def get_peer(call: Call) -> Reply:
    """GET one peer."""
    return Reply(200, call.project.peers.get(_object_id(call, "peerId")).to_json())


def update_peer(call: Call) -> Reply:
    """PATCH one peer."""
    return Reply(200, call.project.update_peer(_object_id(call, "peerId"), parse_object(call.body), call.versioned).to_json())


def delete_peer(call: Call) -> Reply:
    """DELETE one peer: it is only asked for, and answered with an empty object."""
    peers = call.project.peers
    peers.delete(peers.get(_object_id(call, "peerId")))
    return Reply(202, {})


def list_containers(call: Call) -> Reply:
    """GET the containers of one provider, which v2 wants named."""
    if call.versioned and call.query.provider is None:
        raise ApiError("INVALID_QUERY_PARAMETER", "providerName")
    provider = call.query.provider or DEFAULT_PROVIDER
    containers = call.project.lists().containers
    return page_reply([one.to_json() for one in containers if one.kind.name == provider], call.query, call.url)


def list_all_containers(call: Call) -> Reply:
    """GET the containers of every provider."""
    return page_reply([container.to_json() for container in call.project.lists().containers], call.query, call.url)


def create_container(call: Call) -> Reply:
    """POST a new container."""
    return Reply(200, call.project.containers.create(parse_object(call.body)).to_json())


def get_container(call: Call) -> Reply:
    """GET one container."""
    return Reply(200, call.project.containers.get(_object_id(call, "containerId")).to_json())


def update_container(call: Call) -> Reply:
    """PATCH one container."""
    container = call.project.containers.get(_object_id(call, "containerId"))
    users = call.project.container_users(container)
    body = parse_object(call.body)
    return Reply(200, call.project.containers.update(container, body, users, call.versioned).to_json())


def delete_container(call: Call) -> Reply:
    """DELETE one container."""
    container = call.project.containers.get(_object_id(call, "containerId"))
    call.project.containers.delete(container, call.project.container_users(container))
    return Reply(204, None)


def list_access(call: Call) -> Reply:
    """GET the access list."""
    return _access_page(call, call.project.lists().entries)


def add_access(call: Call) -> Reply:
    """POST entries, and get the list as it is then; on the wire with 201, whatever the published description says."""
    call.project.add_access(parse_array(call.body))
    reply = _access_page(call, call.project.access_list)
    reply.status = 201
    return reply


def _access_page(call: Call, entries: Iterable[Entry]) -> Reply:
    return page_reply([entry.to_json(call.project.id, call.url) for entry in entries], call.query, call.url)


def get_access(call: Call) -> Reply:
    """GET one entry."""
    entry = call.project.access_list.get(call.ids["entryValue"])
    return Reply(200, entry.to_json(call.project.id, call.url.removesuffix("/").rpartition("/")[0]))


def get_access_status(call: Call) -> Reply:
    """GET whether an entry is in force; the one field that the API spells in capitals."""
    entries = call.project.access_list
    return Reply(200, {"STATUS": entries.status(entries.get(call.ids["entryValue"]))})


def delete_access(call: Call) -> Reply:
    """DELETE one entry."""
    entries = call.project.access_list
    entries.delete(entries.get(call.ids["entryValue"]))
    return Reply(204, None)


def list_clusters(call: Call) -> Reply:
    """GET the dedicated and the shared clusters."""
    return _cluster_page(call, is_flex=False)


def list_flex_clusters(call: Call) -> Reply:
    """GET the Flex clusters."""
    return _cluster_page(call, is_flex=True)


def _cluster_page(call: Call, *, is_flex: bool) -> Reply:
    url, found = call.url.removesuffix("/"), [one for one in call.project.lists().clusters if one.is_flex is is_flex]
    shown = [call.project.show_cluster(one, f"{url}/{one.name}", call.version) for one in found]
    return page_reply(shown, call.query, call.url)


def get_cluster(call: Call) -> Reply:
    """GET one cluster that is no Flex cluster."""
    return Reply(200, call.project.show_cluster(_classic_cluster(call), call.url, call.version))


def _classic_cluster(call: Call) -> Cluster:
    cluster = _cluster(call)
    if cluster.is_flex:
        raise ApiError("CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", cluster.name)
    return cluster


def get_flex_cluster(call: Call) -> Reply:
    """GET one Flex cluster."""
    cluster = _cluster(call)
    if not cluster.is_flex:
        raise ApiError("CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API", cluster.name)
    return Reply(200, call.project.show_cluster(cluster, call.url))


def _cluster(call: Call) -> Cluster:
    return call.project.clusters.get(call.ids["clusterName"])


def get_custom_dns(call: Call) -> Reply:
    """GET whether clusters on AWS have connection strings with private addresses."""
    return Reply(200, {"enabled": call.project.custom_dns})


def update_custom_dns(call: Call) -> Reply:
    """PATCH whether they have."""
    body = parse_object(call.body)
    check_names(body, ("enabled",), ())
    require(body, ("enabled",))
    if not isinstance(body["enabled"], bool):
        raise ApiError("INVALID_ATTRIBUTE", "enabled")
    call.project.custom_dns = body["enabled"]
    # The description has 200; Atlas answers 202 in the recordings of the Atlas CLI, all of which are of v2.
    return Reply(202 if call.versioned else 200, get_custom_dns(call).content)


def _object_id(call: Call, name: str) -> str:
    value = call.ids[name]
    if not OBJECT_ID.fullmatch(value):
        raise ApiError("PATH_PARAM_PARSE_ERROR", name, value)
    return value


_GROUP = ("groups", "{groupId}")
#: Lists of users have had two versions, which differ in what is said of each.
_USER_VERSIONS = (media.VERSION, "2025-02-19")
_USER_PARAMETERS = ("flattenTeams", "includeOrgUsers", "orgMembershipStatus", "orgMembershipStatuses", "username")


@dataclass(frozen=True)
class Resource:
    """One path below /api/atlas/<version>, a {name} standing for any one segment."""

    path: tuple[str, ...]
    methods: Mapping[str, Handler]
    #: The versions that it has had in v2, from the oldest on: the oldest one of clusters is not here.
    versions: tuple[str, ...] = (media.VERSION,)
    in_v1: bool = True
    in_v2: bool = True
    #: Parameters of its query beside those that all have.
    parameters: tuple[str, ...] = ()


#: The first that fits counts.
RESOURCES: tuple[Resource, ...] = (
    Resource((), {"GET": system_status}),
    Resource(
        ("rateLimits",), {"GET": list_rate_limits}, ("2025-03-12",), in_v1=False, parameters=(*_SCOPES, "name", "endpointPath")
    ),
    Resource(("groups",), {"GET": list_groups, "POST": create_group}, parameters=("projectOwnerId",)),
    Resource(("groups", "byName", "{groupName}"), {"GET": get_group_by_name}),
    Resource(_GROUP, {"GET": get_group, "PATCH": update_group, "DELETE": delete_group}),
    Resource(("orgs",), {"GET": list_organizations}, parameters=("name",)),
    Resource(("orgs", "{orgId}"), {"GET": get_organization}),
    Resource(("orgs", "{orgId}", "groups"), {"GET": list_groups_of_organization}, parameters=("name",)),
    Resource((*_GROUP, "privateIpMode"), {"GET": get_private_ip_mode, "PATCH": disable_private_ip_mode}),
    Resource((*_GROUP, "peers"), {"GET": list_peers, "POST": create_peer}),
    Resource((*_GROUP, "peers", "{peerId}"), {"GET": get_peer, "PATCH": update_peer, "DELETE": delete_peer}),
    Resource((*_GROUP, "containers"), {"GET": list_containers, "POST": create_container}),
    Resource((*_GROUP, "containers", "all"), {"GET": list_all_containers}),
    Resource(
        (*_GROUP, "containers", "{containerId}"),
        {"GET": get_container, "PATCH": update_container, "DELETE": delete_container},
    ),
    Resource((*_GROUP, "accessList"), {"GET": list_access, "POST": add_access}),
    Resource((*_GROUP, "accessList", "{entryValue}"), {"GET": get_access, "DELETE": delete_access}),
    Resource((*_GROUP, "accessList", "{entryValue}", "status"), {"GET": get_access_status}),
    Resource(
        (*_GROUP, "clusters"), {"GET": list_clusters}, VERSIONS, in_v1=False, parameters=("includeDeletedWithRetainedBackups",)
    ),
    Resource((*_GROUP, "clusters", "{clusterName}"), {"GET": get_cluster}, VERSIONS, in_v1=False),
    Resource((*_GROUP, "flexClusters"), {"GET": list_flex_clusters}, ("2024-11-13",), in_v1=False),
    Resource((*_GROUP, "flexClusters", "{clusterName}"), {"GET": get_flex_cluster}, ("2024-11-13",), in_v1=False),
    # What Terraform's provider reads beside a project, an organization and a cluster, in the shapes of the published description.
    Resource((*_GROUP, "settings"), {"GET": get_group_settings, "PATCH": update_group_settings}, in_v1=False),
    Resource((*_GROUP, "teams"), {"GET": _shows(None)}, in_v1=False),
    Resource((*_GROUP, "users"), {"GET": _shows(None)}, _USER_VERSIONS, in_v1=False, parameters=_USER_PARAMETERS),
    Resource(("orgs", "{orgId}", "users"), {"GET": _shows(None)}, _USER_VERSIONS, in_v1=False, parameters=_USER_PARAMETERS),
    Resource(("orgs", "{orgId}", "settings"), {"GET": _shows(dict.fromkeys(_ORGANIZATION_SWITCHES, False))}, in_v1=False),
    Resource((*_GROUP, "limits"), {"GET": _shows([])}, in_v1=False),
    Resource((*_GROUP, "ipAddresses"), {"GET": _shows({"services": {"clusters": []}})}, in_v1=False),
    Resource((*_GROUP, "managedSlowMs"), {"GET": _shows(False)}, in_v1=False),
    Resource(
        (*_GROUP, "clusters", "{clusterName}", "processArgs"),
        {"GET": _shows(_PROCESS_ARGS, _OLDER_PROCESS_ARGS)},
        (media.VERSION, VERSIONS[-1]),
        in_v1=False,
    ),
    # The Atlas CLI asks for it for each cluster in a list with --autoScalingMode, and with `clusters autoScalingConfig`.
    Resource(
        (*_GROUP, "clusters", "{clusterName}", "autoScalingConfiguration"),
        {"GET": _shows({"autoScalingMode": "CLUSTER_WIDE_SCALING"})},
        VERSIONS[-1:],
        in_v1=False,
    ),
    Resource((*_GROUP, "awsCustomDNS"), {"GET": get_custom_dns, "PATCH": update_custom_dns}),
    # What it was called first, and still is by community.mongodb, atlasapi and others.
    Resource((*_GROUP, "whitelist"), {"GET": list_access, "POST": add_access}, in_v2=False),
    Resource((*_GROUP, "whitelist", "{entryValue}"), {"GET": get_access, "DELETE": delete_access}, in_v2=False),
)


def find(segments: tuple[str, ...], versioned: bool) -> tuple[Resource, dict[str, str]] | None:
    """Return a resource and the variable parts of its path, or None for an unknown path.

    Args:
        versioned: Whether it is asked for in v2.
    """
    for resource in RESOURCES:
        pairs = list(zip(resource.path, segments))
        fits = len(resource.path) == len(segments) and all(part == given or part.startswith("{") for part, given in pairs)
        if fits and (resource.in_v2 if versioned else resource.in_v1):
            return resource, {part[1:-1]: given for part, given in pairs if part.startswith("{")}
    return None
