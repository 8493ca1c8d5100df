// Under which headings alert lists of other systems keep what we need. Compared without case, blanks, `_` and `-`.

export type Column = 'time' | 'name' | 'host' | 'ip' | 'user' | 'severity' | 'tactic' | 'id'

/** First match wins. */
export const columns: Readonly<Record<Column, readonly string[]>> = {
  time: folded(`time timestamp @timestamp date datetime start startTime startsAt eventTime alertTime detectionTime
    firstSeen occurredAt createdAt created deviceTime utcTime 时间 告警时间 事件时间 发生时间 首次发生时间 最近发生时间 检测时间
    攻击时间 开始时间 创建时间 日期`),
  name: folded(`name rule.name kibana.alert.rule.name alert.signature rule.description signature rule alertName eventName
    ruleName threatName labels.alertname alertTitle title alert summary description message msg 告警 名称 告警名称 事件名称
    威胁名称 规则名称 告警标题 标题 攻击类型 告警类型 事件类型`),
  host: folded(`host host.name agent.name hostname hostIdentifier asset assetName device deviceName computer computerName
    endpoint machine labels.instance 主机 主机名 主机名称 资产 资产名称 设备名称 终端 终端名称 受害主机 受影响主机`),
  ip: folded(`ip host.ip agent.ip source.ip src_ip srcIp data.srcip src sourceIp sourceAddress srcAddr clientIp hostIp assetIp ipAddress dstIp dest_ip
    destinationIp destinationAddress dstAddr 主机ip 资产ip ip地址 源ip 源地址 攻击源 攻击ip 目的ip 目标ip 受害ip`),
  user: folded(`user user.name username account accountName data.dstuser targetUserName subjectUserName loginName 用户
    用户名 账号 帐号 账户`),
  severity:
    folded(`severity event.severity alert.severity rule.level kibana.alert.severity labels.severity level priority
    threatLevel riskLevel urgency 级别 等级 告警级别 告警等级 威胁级别 威胁等级 风险等级 危险等级 严重级别 严重程度 严重性`),
  tactic:
    folded(`tactic threat.tactic.name rule.mitre.tactic threat.tactic.id mitreTactic killChainPhase attackPhase 战术
    攻击阶段 攻击链阶段`),
  id: folded('id event.id alert.id alertId eventId fingerprint uuid 编号 告警id'),
}

function folded(names: string): string[] {
  return names.split(/\s+/).map(foldHeading)
}

/** What a shipper or a search engine wraps around a document says nothing. */
export function foldHeading(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(?:_source|result)\./, '')
    .replaceAll(/[\s_-]+/g, '')
}
