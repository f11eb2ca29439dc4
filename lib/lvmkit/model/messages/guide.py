"""The messages of the LVM Recovery Kit guide, with its numbers and its texts; a reason may follow the text."""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_NO_COMMUNICATION,
    LCDI_NO_OBJECT,
    LCDI_SYNTAX,
    OCF_ERR_ARGS,
    OCF_ERR_CONFIGURED,
    OCF_ERR_INSTALLED,
    WARN,
    Message,
)


class CallingSendevent(Message):
    """A check found the resource broken and hands it to the engine's recovery."""

    number = 1
    template = "Calling sendevent for resource {tag} on server {server}"
    action = "None: recovery follows. The previous message says what is broken."
    tag: str
    server: str


class UsageError(Message):
    """A script was called with options or arguments that it does not take."""

    number = 2
    template = "Usage error: {usage}"
    action = "Call it as the message shows."
    lcdi_exit = LCDI_SYNTAX
    ocf_exit = OCF_ERR_ARGS
    usage: str


class TemplateDoesNotExist(Message):
    """An extension was asked for a resource that the template server does not have."""

    number = 3
    template = "Template resource {tag} on server {server} does not exist"
    action = "Look the tag up with 'lvmkit status' on the template server."
    lcdi_exit = LCDI_NO_OBJECT
    tag: str
    server: str


class TemplateAlreadyExtended(Message):
    """The target server already has an instance of this resource."""

    number = 4
    template = "Template resource {tag} cannot be extended to server {server} because it already exists there"
    action = "None needed; to extend it anew, unextend it from that server first."
    lcdi_exit = LCDI_EXISTS
    tag: str
    server: str


class CanextendNotAccessible(Message):
    """The canextend script of the resource type is missing or not executable on the target server."""

    number = 5
    is_outcome = True
    template = "Cannot access canextend script on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str


class ExtendNotAccessible(Message):
    """The extend script of the resource type is missing or not executable on the target server."""

    number = 6
    is_outcome = True
    template = "Cannot access extend script {path} on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str
    server: str


class DepstoextendNotAccessible(Message):
    """The depstoextend script of the resource type is missing or not executable."""

    number = 7
    template = "Cannot access depstoextend script {path} on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str
    server: str


class CannotExtend(Message):
    """The checks on the target server say that the resource could not run there."""

    number = 8
    is_outcome = True
    template = "Cannot extend resource {tag} to server {server}"
    action = "Fix the problems reported before this message, then extend again."
    tag: str
    server: str


class TemplateArgumentsMissing(Message):
    """canextend, extend or depstoextend was called without the template server or the template tag."""

    number = 9
    template = "Either <templatesys> or <templatetag> argument missing"
    action = "Give both: the server that has the resource, and its tag there."
    lcdi_exit = LCDI_SYNTAX


class ResourceInformationUnreadable(Message):
    """The engine could not tell what it knows about a resource."""

    number = 10
    template = "Error getting resource information: {why}"
    action = "Fix the engine's database or the connection to it, as the reason says."
    why: str


class TagAndIdMissing(Message):
    """An action script was called with neither -t TAG nor -i ID."""

    number = 11
    template = "Both Tag and ID name not specified"
    action = "Give -t TAG, -i ID, or both."
    lcdi_exit = LCDI_SYNTAX
    ocf_exit = OCF_ERR_ARGS


class SwitchbackMissing(Message):
    """A resource was to be created without saying what happens when a failed server returns."""

    number = 12
    template = "Switchback type not specified"
    action = "Give -s INTELLIGENT or -s AUTOMATIC."
    lcdi_exit = LCDI_SYNTAX


class CreateUsageError(Message):
    """A create script was called with options or arguments that it does not take."""

    number = 13
    template = "Usage error: {usage}"
    action = "Call it as the message shows."
    lcdi_exit = LCDI_SYNTAX
    usage: str


class ResourceExists(Message):
    """The tag or ID wanted for a new resource is already taken."""

    number = 14
    template = "Resource with either matching tag {tag} or ID exists"
    action = "Choose another tag, or use the resource that is there ('lvmkit status')."
    lcdi_exit = LCDI_EXISTS
    tag: str


class InsCreateFailed(Message):
    """The engine did not accept the new instance."""

    number = 15
    is_outcome = True
    template = "ins_create failed on server {server}: {why}"
    action = "Fix the reported problem. Nothing was created."
    server: str
    why: str


class ErrorCreatingResource(Message):
    """A step of the creation failed; what had been done is taken back."""

    number = 18
    is_outcome = True
    template = "Error creating resource {tag} on server {server}"
    action = "Fix the problem that the previous message reports, then create again."
    tag: str
    server: str


class ResourceNotFound(Message):
    """No resource on this server has this tag or ID, or the two belong to different resources."""

    number = 19
    template = "Resource not found on local server: {sought}"
    action = "Look the tag up with 'lvmkit status'."
    lcdi_exit = LCDI_NO_OBJECT
    ocf_exit = OCF_ERR_CONFIGURED
    sought: str


class RemovingAfterCreateError(Message):
    """Creation failed, so the instances that it had made are removed again."""

    number = 21
    template = "Removing resource instance {tag} from server {server} due to an error during creation"
    action = "None: this is the back-out."
    tag: str
    server: str


class EndFailedInService(Message):
    """A resource could not be brought in service."""

    number = 22
    is_outcome = True
    template = "END failed hierarchy {tag} in service on server {server}"
    action = "The previous message says why. Fix that, then bring it in service again."
    tag: str
    server: str


class ErrorBringingInService(Message):
    """A resource, or one that it requires, did not come up."""

    number = 23
    is_outcome = True
    template = "Error bringing resource {tag} in service on server {server}"
    action = "The previous message says why."
    tag: str
    server: str


class FailedCreation(Message):
    """The creation made no resource; everything that it had done was taken back."""

    number = 24
    is_outcome = True
    template = "Failed resource creation of resource {tag} on server {server}"
    action = "Fix the problems reported before this message, then create again."
    tag: str
    server: str


class ExtensionInterrupted(Message):
    """A signal ended an extension; what it had done on the target is taken back."""

    number = 25
    template = (
        'END failed resource extension of {tag} on server {server} due to a "{signal}" signal'
        " - backing out changes made to server"
    )
    action = "Extend again when the target server is ready."
    tag: str
    server: str
    signal: str


class ActionInterrupted(Message):
    """A signal ended an action script before it was done."""

    number = 26
    template = "END failed {action_name} for {tag} on server {server} due to {signal} signal"
    action = "Run the action again: it finishes what was begun."
    action_name: str
    tag: str
    server: str
    signal: str


class RemovingFilesysDependency(Message):
    """A creation failed after it had put a file system below its own resource."""

    number = 27
    template = (
        "Removing file system dependency from {parent} to {child} on server {server} due to an error during creation"
    )
    action = "None: this is the back-out."
    parent: str
    child: str
    server: str


class RemovingFilesysHierarchy(Message):
    """A creation failed after it had made a file system hierarchy of its own."""

    number = 28
    template = (
        "Removing file system hierarchy {filesys} created by {parent} on server {server}"
        " due to an error during creation"
    )
    action = "None: this is the back-out."
    filesys: str
    parent: str
    server: str


class SwitchbackMismatch(Message):
    """Parent and child would come back to a repaired server under different rules."""

    number = 29
    level = WARN
    template = "Switchback type mismatch between parent {parent} and child {child} on server {server}"
    action = (
        "Switchback mismatches can lead to unexpected behavior. You can manually alter switchback types for resources"
        " using the ins_setas command to eliminate this mismatch."
    )
    script_exit = 0
    lcdi_exit = 0
    ocf_exit = 0
    parent: str
    child: str
    server: str


class TagMissing(Message):
    """create or extend was called without the tag of the resource."""

    number = 30
    template = "{script}: tag name not specified"
    action = "Give -t TAG."
    lcdi_exit = LCDI_SYNTAX
    script: str


class TypeNotInstalled(Message):
    """The server does not have the action scripts of this resource type."""

    number = 110000
    template = "{type} resource type is not installed on {server}."
    action = "Install the LVM Recovery Kit on the identified system."
    ocf_exit = OCF_ERR_INSTALLED
    type: str
    server: str


class WrongServer(Message):
    """The script works on the local server only and was asked to work on another one."""

    number = 110001
    template = "This script must be executed on {server}."
    action = "Run it on that server."
    lcdi_exit = LCDI_ARGUMENT
    server: str


class HierarchyNotCreated(Message):
    """The storage below a device could not be put under protection."""

    number = 110002
    is_outcome = True
    template = "Failed to create {device} hierarchy."
    action = "The previous message says why."
    device: str


class DependencyNotCreated(Message):
    """A parent-child link could not be stored on a server."""

    number = 110003
    is_outcome = True
    template = "Failed to create dependency {parent}-{child} on machine {server}."
    action = "The previous message says why."
    parent: str
    child: str
    server: str


class IdInUse(Message):
    """Another resource already carries the internal ID that the new one would get."""

    number = 110004
    template = "LifeKeeper internal ID {id} already in use."
    action = "Use the resource that is there ('lvmkit status'), or delete it first."
    lcdi_exit = LCDI_EXISTS
    id: str


class InvalidConstructorArgument(Message):
    """The named volume, volume group or device does not exist here, or the name cannot be valid."""

    number = 110005
    template = "{type} constructor requires a valid argument: {given}"
    action = "Give an existing volume group, logical volume or device, as 'lvs' or 'lsblk' print it."
    lcdi_exit = LCDI_ARGUMENT
    ocf_exit = OCF_ERR_ARGS
    type: str
    given: str


class AdddelpvUsage(Message):
    """adddelpv was called with arguments that it does not take."""

    number = 110006
    template = "Usage: adddelpv <VG tag> [addlist dellist]"
    action = "Give the tag alone to see the difference, '--yes' or both lists (comma separated) to apply it."
    lcdi_exit = LCDI_SYNTAX


class LkvgsNotUpdated(Message):
    """/etc/lkvgs, the list that keeps the boot from activating protected volume groups, could not be written."""

    number = 110007
    level = WARN
    template = "WARNING: Failure in updating list of LifeKeeper-controlled volume groups (/etc/lkvgs). {why}"
    action = "Make the file writable (owner root, not read-only, file system not full), then run 'lvmkit reconfigure'."
    script_exit = 0
    lcdi_exit = 0
    ocf_exit = 0
    why: str


class DeviceNotExtendable(Message):
    """A volume group grew onto a device whose hierarchy only an administrator can extend."""

    number = 110008
    level = WARN
    template = "WARNING: The device hierarchy for {device}, with tag {tag}, cannot be extended automatically."
    action = (
        "If the device hierarchy is not already extended, extend it using the LifeKeeper GUI. Then create a dependency"
        " from the volume group resource to the device hierarchy."
    )
    script_exit = 0
    lcdi_exit = 0
    ocf_exit = 0
    device: str
    tag: str


class DeviceDependencyNotCreated(Message):
    """The link from a volume group to one of its devices could not be stored."""

    number = 110009
    is_outcome = True
    template = "Failed to create a dependency between volume group resource {vg_tag} and device resource {device_tag}."
    action = "Create the dependency using the LifeKeeper GUI."
    vg_tag: str
    device_tag: str
